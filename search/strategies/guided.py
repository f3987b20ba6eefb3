"""Guided: predictors of accuracy, refitted in rounds, tell where weights should be touched next.

A round fits the predictors to everything that is finished, searches them with NSGA-II, and evaluates the batch from which most
hypervolume is expected. It follows from the seed and the trials before it alone, so a resumed search makes the same one again.

Lineage: NSGANetV2 (Lu et al., ECCV 2020); batches by expected hypervolume improvement (Daulton et al., 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from predictors.fit_metric import MIN_VALUES, fit_metric
from predictors.metric import MetricPredictor
from search.metrics.metric import Metric
from search.problem.feasible import FeasibilityFilter
from search.strategies.converged import SearchConverged
from search.strategies.hypervolume_gain import Beliefs, best_batch
from search.strategies.inner_search import Genes, best, evolve
from supernet.space import Architecture

_POPULATION, _GENERATIONS = 300, 60
"""Of the inner search: some 18,000 cheap evaluations a round."""
_OPTIMISM = 1.0
"""By how many standard deviations the inner search trusts that an accuracy is better than predicted."""
_DEVIATIONS = 1.645
"""From the middle of a Gaussian to the end of its interval of 90 %."""
_MOST = 400
"""Architectures that a predictor is fitted to: its time grows with their cube."""
_POOL = 4096
"""Architectures that are drawn twice, in two ways, to choose the first ones from."""
_WORTH_IT = 1e-4
"""Expected gain of a round, relative to the hypervolume so far; two rounds below it end the search."""


def guided(feasible: FeasibilityFilter, seed: int) -> BaseSampler:
    """Evaluate next what predictors, fitted to what was evaluated, expect most of."""
    return GuidedSampler(feasible, seed)


@dataclass
class _Asked:
    """A network that the study has asked for."""

    architecture: Architecture
    choices: np.ndarray
    """(L,) in the spelling of its trial."""
    values: Sequence[float] | None = None
    """Of all objectives, when it is finished."""
    running: bool = False


@dataclass(frozen=True)
class _Round:
    """What is evaluated next, best first, and the expected gain relative to the hypervolume so far."""

    batch: np.ndarray
    gain: float = np.inf


@dataclass(frozen=True)
class _Scaled:
    """A predictor of a costly objective: what it knows are shares from 0 to 1, as accuracies are."""

    predictor: MetricPredictor
    zero: float
    """Value of the objective at a share of 0."""
    span: float
    """From there to the value at a share of 1."""


class GuidedSampler(BaseSampler):
    """See `guided`; keeps what it can compute again from the trials, and nothing else."""

    def __init__(self, feasible: FeasibilityFilter, seed: int):
        planned = feasible.problem.evaluations
        self._feasible = feasible
        self._seed = seed
        self._genes = Genes.of(feasible.problem)
        cheap = [each for each in feasible.problem.objectives if each.cheap]
        self._cost = next((each for each in cheap if each.metric.direction == "minimize"), None)
        self._signs = np.array([objective.metric.sign for objective in feasible.problem.objectives])
        self._first = int(np.clip(planned // 12, 10, 24))
        self._each = int(np.clip(planned // 25, 4, 10))
        self._least = max(48, planned // 4)
        self._rounds: dict[int, _Round] = {}
        self._read: dict[int, _Asked] = {}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._feasible.distributions

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution) -> Any:
        raise AssertionError(f"every choice is sampled at once, {param_name} was asked for alone")

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        asked = self._asked(study, trial)
        begun = len(asked) - self._first
        start = self._first + begun // self._each * self._each if begun >= 0 else 0
        known = list(asked.values())
        now = self._round(start, known)
        if start >= self._least and max(now.gain, self._round(start - self._each, known).gain) < _WORTH_IT:
            raise SearchConverged(f"the next {self._each} evaluations are expected to add {now.gain:.2%} to the hypervolume")
        for choices in now.batch:
            chosen = self._genes.chosen(choices)
            if self._feasible.problem.space.make(chosen).key not in asked and not self._feasible.refuses(chosen):
                return chosen
        raise ValueError(
            f"no new architecture within the limits was found after {len(asked)} of them; fewer evaluations or wider limits help"
        )

    def _asked(self, study: Study, trial: FrozenTrial) -> dict[str, _Asked]:
        """Networks of all other trials by key, in the order in which they were first asked for."""
        asked: dict[str, _Asked] = {}
        for other in study.get_trials(deepcopy=False):
            if other.number == trial.number or other.state == TrialState.WAITING or len(other.params) < len(self._genes.values):
                continue
            if other.number not in self._read:
                architecture = self._feasible.problem.space.make(other.params)
                self._read[other.number] = _Asked(architecture, self._genes.indices(other.params))
            read = self._read[other.number]
            one = asked.setdefault(read.architecture.key, _Asked(read.architecture, read.choices))
            one.running |= other.state == TrialState.RUNNING
            one.values = other.values if other.state == TrialState.COMPLETE else one.values
        return asked

    def _round(self, start: int, asked: list[_Asked]) -> _Round:
        """The round that begins when `start` networks have been asked for."""
        if start not in self._rounds:
            made = self._make(asked[:start], np.random.default_rng([self._seed, start]))
            self._rounds = {known: self._rounds[known] for known in self._rounds if known == start - self._each} | {start: made}
        return self._rounds[start]

    def _make(self, asked: list[_Asked], rng: np.random.Generator) -> _Round:
        finished = [one for one in asked if one.values is not None]
        met = set(self._genes.keys(np.array([one.choices for one in asked]))) if asked else set()
        if len(finished) < MIN_VALUES:
            return _Round(self._spread(met, rng, self._each if asked else self._first))
        figures = np.array([one.values for one in finished]) * self._signs
        pending = np.array([one.choices for one in asked if one.running], int).reshape(-1, len(self._genes.values))
        models = self._models(finished, figures)
        good = np.array([one.choices for one in finished])[best(figures, _POPULATION // 3)]
        start = np.concatenate([self._genes.mutated(np.repeat(good, 3, axis=0), rng), self._genes.random(_POPULATION, rng)])

        def hopes(choices: np.ndarray) -> np.ndarray:
            beliefs = self._beliefs(models, choices)
            return beliefs.mean - _OPTIMISM * beliefs.deviation

        found = evolve(self._genes, start, met, hopes, rng, _POPULATION, _GENERATIONS)
        if not len(found):
            return _Round(found, 0.0)
        beliefs = self._beliefs(models, found)
        worst = np.concatenate([figures, beliefs.mean]).max(axis=0)
        batch, gain = best_batch(figures, self._beliefs(models, pending), beliefs, worst, self._each, int(rng.integers(2**31)))
        return _Round(found[batch], gain)

    def _models(self, finished: list[_Asked], figures: np.ndarray) -> dict[int, _Scaled]:
        """A predictor for each costly objective, by its column."""
        chosen = np.arange(len(finished))
        if len(finished) > _MOST:
            near = best(figures, _MOST // 2)
            rest = np.setdiff1d(chosen, near)  # what is bad must not be forgotten
            chosen = np.sort(np.append(near, rest[np.linspace(0, len(rest) - 1, _MOST // 2).astype(int)]))
        architectures = [finished[i].architecture for i in chosen]
        return {
            column: self._model(objective.metric, architectures, figures[chosen, column] * objective.metric.sign)
            for column, objective in enumerate(self._feasible.problem.objectives)
            if not objective.cheap
        }

    def _model(self, metric: Metric, architectures: list[Architecture], values: np.ndarray) -> _Scaled:
        zero, span = 0.0, 1.0
        if metric.unit:  # it is no share: leave as much room on both sides as the values take
            zero, span = 2 * values.min() - values.max(), 3 * np.ptp(values) or 1.0
        shares = (values - zero) / span
        return _Scaled(fit_metric("accuracy", self._feasible.problem.family.name, architectures, shares, self._seed), zero, span)

    def _beliefs(self, models: dict[int, _Scaled], choices: np.ndarray) -> Beliefs:
        """What is expected of (N, L) architectures."""
        objectives = self._feasible.problem.objectives
        mean, deviation = np.zeros((2, len(choices), len(objectives)))
        for column, objective in enumerate(objectives):
            if model := models.get(column):
                predicted = model.predictor.predict_choices(choices)
                mean[:, column] = (model.zero + model.span * predicted.value) * objective.metric.sign
                deviation[:, column] = model.span * (predicted.high - predicted.value) / _DEVIATIONS
            else:
                mean[:, column] = objective.of(choices) * objective.metric.sign
        return Beliefs(mean, deviation)

    def _spread(self, met: set[bytes], rng: np.random.Generator, count: int) -> np.ndarray:
        """Up to (count, L) feasible architectures, unlike each other, from the cheapest to the most costly; the anchor first."""
        genes = self._genes
        anchor, drawn = genes.indices(dict(self._feasible.anchor.choices)), genes.random(_POOL, rng)
        # samples crowd in the middle and may all exceed a tight limit: half of them lie on the way to the anchor
        towards = np.where(rng.random(drawn.shape) < rng.random((_POOL, 1)), anchor, genes.random(_POOL, rng))
        pool = genes.fresh(np.concatenate([anchor[None], drawn, towards]), met)
        if self._cost is not None:
            pool = pool[np.argsort(self._cost.of(pool), kind="stable")]
        edges = np.linspace(0, len(pool), count + 1).astype(int)
        return pool[[rng.integers(low, high) for low, high in zip(edges[:-1], edges[1:], strict=True) if high > low]]
