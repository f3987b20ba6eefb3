"""Search strategies by name: how the next architecture is chosen from what the study knows."""

from collections.abc import Callable

from optuna.samplers import BaseSampler

from search.strategies.nsga2 import nsga2
from search.strategies.uniform import uniform
from supernet.space import SearchSpace

Strategy = Callable[[SearchSpace, int, int], BaseSampler]
"""(space, evaluations planned, seed) to an Optuna sampler that keeps no memory but the study."""

STRATEGIES: dict[str, Strategy] = {
    "nsga2": nsga2,
    "random": uniform,
}
