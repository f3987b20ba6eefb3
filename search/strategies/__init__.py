"""Search strategies by name: how the next architecture is chosen from what the study knows."""

from collections.abc import Callable

from optuna.samplers import BaseSampler

from search.problem.feasible import FeasibilityFilter
from search.strategies.evolution import evolution
from search.strategies.gp import gp
from search.strategies.guided import guided
from search.strategies.nsga2 import nsga2
from search.strategies.nsga3 import nsga3
from search.strategies.tpe import tpe
from search.strategies.uniform import uniform

Strategy = Callable[[FeasibilityFilter, int], BaseSampler]
"""(feasible, seed) to an Optuna sampler that proposes only what the filter lets pass, and keeps no memory that the study cannot restore."""

STRATEGIES: dict[str, Strategy] = {
    "guided": guided,
    "lighttrack": evolution,
    "nsga2": nsga2,
    "nsga3": nsga3,
    "tpe": tpe,
    "gp": gp,
    "random": uniform,
}
