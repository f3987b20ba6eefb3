"""TPE: density of good architectures over density of the others, all choices together; good are the first non-dominated layers.

Source: Ozaki et al., Multiobjective tree-structured Parzen estimator, 2022; Optuna's sampler. What other workers are evaluating
counts as bad, so that they do not crowd.
"""

from __future__ import annotations

from optuna.samplers import BaseSampler, TPESampler

from search.problem.feasible import FeasibilityFilter, FeasibleSampler

_DRAWS = 5
"""Each builds both densities anew."""


def tpe(feasible: FeasibilityFilter, seed: int) -> BaseSampler:
    """Draw the next architecture where good ones are dense."""
    return FeasibleSampler(lambda drawn: TPESampler(multivariate=True, constant_liar=True, seed=drawn), feasible, seed, _DRAWS)
