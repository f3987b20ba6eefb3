"""LightTrack's own search: evolution towards the highest accuracy alone, within the limits.

Source: Yan et al., LightTrack, CVPR 2021: 20 generations of 48 architectures, half of them mutations and half crossovers. After Guo et
al., Single Path One-Shot, ECCV 2020, parents are drawn from the 10 best architectures so far, and a mutation draws each choice anew with
probability 0.1. The first generation is random.

If fewer than 960 evaluations are planned, the population and the number of parents are smaller in proportion, down to 4 and 2, so that
there are still 20 generations where possible. Worked example: 400 planned evaluations make 20 generations of 20, with 4 parents.
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
    """Make a sampler that mutates or crosses the most accurate architectures of all earlier generations."""
    return FeasibleSampler(lambda drawn: EvolutionSampler(feasible.problem, drawn), feasible, seed)


class EvolutionSampler(BaseSampler):
    """The sampler behind `evolution`. A trial's generation follows from the number of running and finished trials before it."""

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
