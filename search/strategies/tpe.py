"""TPE: proposes architectures whose density among the good ones is high relative to their density among the others.

The good ones are the first non-dominated fronts; all choices are modelled together. Source: Ozaki et al., Multiobjective tree-structured
Parzen estimator, 2022; Optuna's sampler. Architectures that other workers are evaluating count as bad, so that workers do not get
similar ones.
"""

from __future__ import annotations

from optuna.samplers import BaseSampler, TPESampler

from search.problem.feasible import FeasibilityFilter, FeasibleSampler

_DRAWS = 5
"""Draws before the last one is repaired. They are few, since each computes both densities anew."""


def tpe(feasible: FeasibilityFilter, seed: int) -> BaseSampler:
    """Make a sampler that draws the next architecture where good ones are dense."""
    return FeasibleSampler(lambda drawn: TPESampler(multivariate=True, constant_liar=True, seed=drawn), feasible, seed, _DRAWS)
