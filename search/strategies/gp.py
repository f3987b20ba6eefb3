"""GP: a Gaussian process for each objective and each constraint, and the architecture of most expected hypervolume.

Source: Daulton et al., Differentiable expected hypervolume improvement, 2020; Optuna's sampler. Slow: after a few hundred evaluations one
proposal takes seconds.
"""

from __future__ import annotations

from optuna.samplers import BaseSampler, GPSampler

from search.problem.feasible import FeasibilityFilter, FeasibleSampler

_DRAWS = 3
"""Each maximises the expectation anew, from other starts, and takes a good part of a second."""


def gp(feasible: FeasibilityFilter, seed: int) -> BaseSampler:
    """Take the architecture, or a neighbour of it, that the processes expect most of."""
    return FeasibleSampler(lambda drawn: GPSampler(seed=drawn, warn_independent_sampling=False), feasible, seed, _DRAWS)
