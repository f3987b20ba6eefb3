"""Search strategies by name. A strategy chooses the architecture that is evaluated next, from what the study knows."""

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
"""Function of a feasibility filter and a seed that returns an Optuna sampler. The sampler proposes only architectures that the filter lets
pass, and keeps nothing that it could not compute again from the study."""

STRATEGIES: dict[str, Strategy] = {
    "guided": guided,
    "lighttrack": evolution,
    "nsga2": nsga2,
    "nsga3": nsga3,
    "tpe": tpe,
    "gp": gp,
    "random": uniform,
}
