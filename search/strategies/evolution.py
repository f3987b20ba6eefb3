"""LightTrack's own search: evolution towards accuracy alone, within the limits.

Source: Yan et al., LightTrack, CVPR 2021: a population of 48, in each generation 24 mutations and 24 crossovers, 20 generations; after
Guo et al., Single Path One-Shot, ECCV 2020: parents are drawn from the 10 best so far, and a mutation draws each choice anew with
probability 0.1. The first generation is random. Where fewer evaluations are planned there are 20 generations all the same, of a
population that is smaller in proportion, and so are the parents.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from search.problem.feasible import FeasibilityFilter, FeasibleSampler
from search.problem.problem import Problem
from supernet.space import Architecture

_POPULATION, _GENERATIONS, _PARENTS = 48, 20, 10


def evolution(feasible: FeasibilityFilter, seed: int) -> BaseSampler:
    """Mutate or cross the most accurate architectures of all generations before."""
    return FeasibleSampler(lambda drawn: EvolutionSampler(feasible.problem, drawn), feasible, seed)


class EvolutionSampler(BaseSampler):
    """See `evolution`; a trial's generation follows from how many trials began before it."""

    def __init__(self, problem: Problem, seed: int):
        self._space = problem.space
        self._accuracy = problem.objectives[0]
        self._population = min(_POPULATION, max(4, problem.evaluations // _GENERATIONS))
        self._parents = max(2, round(self._population * _PARENTS / _POPULATION))
        self._rng = np.random.default_rng(seed)
        self._best: list[Architecture] = []
        self._mutates = False

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        begun = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.RUNNING))
        before = [other for other in begun if other.number < trial.number]
        generation, position = divmod(len(before), self._population)
        finished = [other for other in before[: generation * self._population] if other.state == TrialState.COMPLETE]
        best = sorted(finished, key=lambda other: self._accuracy.metric.sign * other.values[0])[: self._parents]
        self._best = [self._space.make(other.params) for other in best]
        self._mutates = position < self._population // 2

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        if len(self._best) < 2:
            return dict(self._space.sample(self._rng).choices)
        a, b = (self._best[i] for i in self._rng.choice(len(self._best), 2, replace=False))
        child = self._space.mutate(a, self._rng) if self._mutates else self._space.crossover(a, b, self._rng)
        return dict(child.choices)

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution) -> Any:
        raise AssertionError(f"every choice is sampled at once, {param_name} was asked for alone")
