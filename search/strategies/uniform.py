"""Random search: every choice is drawn uniformly, whatever the study knows. The baseline that a strategy has to beat."""

from __future__ import annotations

from optuna.samplers import BaseSampler, RandomSampler

from supernet.space import SearchSpace


def uniform(space: SearchSpace, evaluations: int, seed: int) -> BaseSampler:
    """Draw the next architecture uniformly.

    Args:
        space: Unused: the choices are in the study.
        evaluations: Unused.
        seed: Start of all randomness.
    """
    return RandomSampler(seed=seed)
