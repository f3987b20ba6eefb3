"""Search strategies by name: how the next architecture is chosen from what the study knows."""

from collections.abc import Callable

from optuna.samplers import BaseSampler

from search.feasible import Gate
from search.strategies.guided import guided
from search.strategies.nsga2 import nsga2
from search.strategies.uniform import uniform

Strategy = Callable[[Gate, int], BaseSampler]
"""(gate, seed) to an Optuna sampler that proposes only what the gate lets pass, and keeps no memory that the study cannot restore."""

STRATEGIES: dict[str, Strategy] = {
    "guided": guided,
    "nsga2": nsga2,
    "random": uniform,
}
