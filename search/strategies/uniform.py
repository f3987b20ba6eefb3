"""Random search: every choice is drawn uniformly, whatever the study knows. This is the baseline that a strategy has to beat."""

from __future__ import annotations

from optuna.samplers import BaseSampler, RandomSampler

from search.problem.feasible import FeasibilityFilter, FeasibleSampler


def uniform(feasible: FeasibilityFilter, seed: int) -> BaseSampler:
    """Make a sampler that draws the next architecture uniformly."""
    return FeasibleSampler(lambda drawn: RandomSampler(seed=drawn), feasible, seed)
