"""GP: models each objective and each constraint by a Gaussian process, and proposes the largest expected hypervolume improvement.

Source: Daulton et al., Differentiable expected hypervolume improvement, 2020; Optuna's sampler. It is slow: after a few hundred
evaluations one proposal takes seconds.
"""

from __future__ import annotations

from optuna.samplers import BaseSampler, GPSampler

from search.problem.feasible import FeasibilityFilter, FeasibleSampler

_DRAWS = 3
"""Draws before the last one is repaired. Each maximises the expectation anew from other starts, which takes a good part of a second."""


def gp(feasible: FeasibilityFilter, seed: int) -> BaseSampler:
    """Make a sampler that proposes the architecture with the largest expected improvement, or a neighbour of it within the limits."""
    return FeasibleSampler(lambda drawn: GPSampler(seed=drawn, warn_independent_sampling=False), feasible, seed, _DRAWS)
