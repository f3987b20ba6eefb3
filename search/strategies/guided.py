"""Guided: predictors of accuracy, refitted in rounds, choose which architectures are evaluated next.

A round fits the predictors to the finished candidates, searches their predictions with NSGA-II, and evaluates the batch with the largest
expected gain of hypervolume. The first round spreads a few architectures over all costs. Each later one is a sixteenth of what has been
asked for, at least one: early on every answer changes much, later little, and fitting takes longer. A round depends only on the seed and on the
trials before it, so a resumed search computes the same round again.

Worked example: 200 evaluations are planned. The first round has 8, the next ones have one each up to 32, then two each up to 48.

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
"""Population and generations of the inner search, which makes some 18,000 cheap evaluations a round."""
_OPTIMISM = 1.0
"""Number of standard deviations by which the inner search takes an accuracy to be better than predicted."""
_DEVIATIONS = 1.645
"""Half the width of the 90 % interval of a Gaussian, in standard deviations."""
_MOST = 400
"""Most architectures that a predictor is fitted to; the time for it grows with the cube of their number."""
_POOL = 4096
"""Size of each of the two random samples from which the first architectures are chosen."""
_WORTH_IT = 1e-5
"""Smallest worthwhile gain of an evaluation, relative to the hypervolume so far; two rounds in succession that expect less for each of
theirs end the search."""
_PART = 16
"""A round has one in so many of the evaluations before it."""


def guided(feasible: FeasibilityFilter, seed: int) -> BaseSampler:
    """Make a sampler that proposes the architectures from which predictors expect the largest gain of hypervolume."""
    return GuidedSampler(feasible, seed)


@dataclass
class _Asked:
    """A network that the study has asked for."""

    architecture: Architecture
    choices: np.ndarray
    """(L,) indices of its chosen values, as its trial spells them."""
    values: Sequence[float] | None = None
    """Value of each objective; None while it is not finished."""
    running: bool = False


@dataclass(frozen=True)
class _Round:
    """The architectures that are evaluated next."""

    batch: np.ndarray
    """(M, L) indices of chosen values, best first."""
    gain: float = np.inf
    """Expected gain of each, relative to the hypervolume so far; infinite while too little is known to predict it."""


@dataclass(frozen=True)
class _Scaled:
    """A predictor of a costly objective. Values are rescaled to shares from 0 to 1, since the predictor is made for accuracies.

    Worked example: the values of an objective with a unit lie between 10 and 20. Then `zero` is 0 and `span` is 30, so that 10 and 20
    become the shares 1/3 and 2/3.
    """

    predictor: MetricPredictor
    zero: float
    """Value of the objective that corresponds to a share of 0."""
    span: float
    """Difference between the values that correspond to shares of 1 and of 0."""


class GuidedSampler(BaseSampler):
    """The sampler behind `guided`. It keeps only what it can compute again from the trials."""

    def __init__(self, feasible: FeasibilityFilter, seed: int):
        planned = feasible.problem.evaluations
        self._feasible = feasible
        self._seed = seed
        self._genes = Genes.of(feasible.problem)
        cheap = [each for each in feasible.problem.objectives if each.cheap]
        self._cost = next((each for each in cheap if each.metric.direction == "minimize"), None)
        self._signs = np.array([objective.metric.sign for objective in feasible.problem.objectives])
        # size of the first round, and evaluations before which the search does not stop
        self._first = int(np.clip(planned // 25, 8, 12))
        self._least = max(48, planned // 4)
        self._rounds: dict[int, _Round] = {}
        self._read: dict[int, _Asked] = {}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._feasible.distributions

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution) -> Any:
        raise AssertionError(f"every choice is sampled at once, {param_name} was asked for alone")

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        asked = self._asked(study, trial)
        before, start = self._starts(len(asked))
        known = list(asked.values())
        now = self._round(start, known)
        self._rounds = {known: made for known, made in self._rounds.items() if known in (before, start)}
        if start >= self._least and max(now.gain, self._round(before, known).gain) < _WORTH_IT:
            raise SearchConverged(f"an evaluation is expected to add {now.gain:.4%} to the hypervolume")
        for choices in now.batch:
            chosen = self._genes.chosen(choices)
            if self._feasible.problem.space.make(chosen).key not in asked and not self._feasible.refuses(chosen):
                return chosen
        raise ValueError(
            f"no new architecture within the limits was found after {len(asked)} of them; fewer evaluations or wider limits help"
        )

    def _size(self, start: int) -> int:
        """Number of networks in the round that begins when `start` networks have been asked for."""
        return max(1, start // _PART) if start else self._first

    def _starts(self, asked: int) -> tuple[int, int]:
        """Where the round before the present one began, and where the present one began, once so many networks have been asked for."""
        before, start = 0, 0
        while start + self._size(start) <= asked:
            before, start = start, start + self._size(start)
        return before, start

    def _asked(self, study: Study, trial: FrozenTrial) -> dict[str, _Asked]:
        """Return the networks of all other trials by key, in the order in which they were first asked for."""
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
        """Return the round that begins when `start` networks have been asked for."""
        if start not in self._rounds:
            self._rounds[start] = self._make(asked[:start], np.random.default_rng([self._seed, start]))
        return self._rounds[start]

    def _make(self, asked: list[_Asked], rng: np.random.Generator) -> _Round:
        """Compute the round that follows the networks that have been asked for."""
        finished = [one for one in asked if one.values is not None]
        met = set(self._genes.keys(np.array([one.choices for one in asked]))) if asked else set()
        if len(finished) < MIN_VALUES:
            return _Round(self._spread(met, rng, self._size(len(asked))))
        figures = np.array([one.values for one in finished]) * self._signs
        pending = np.array([one.choices for one in asked if one.running], int).reshape(-1, len(self._genes.values))
        models = self._models(finished, figures)
        good = np.array([one.choices for one in finished])[best(figures, _POPULATION // 3)]
        start = np.concatenate([self._genes.mutated(np.repeat(good, 3, axis=0), rng), self._genes.random(_POPULATION, rng)])

        def optimistic(choices: np.ndarray) -> np.ndarray:
            beliefs = self._beliefs(models, choices)
            return beliefs.mean - _OPTIMISM * beliefs.deviation

        found = evolve(self._genes, start, met, optimistic, rng, _POPULATION, _GENERATIONS)
        if not len(found):
            return _Round(found, 0.0)
        beliefs = self._beliefs(models, found)
        worst = np.concatenate([figures, beliefs.mean]).max(axis=0)
        size = self._size(len(asked))
        batch, gain = best_batch(figures, self._beliefs(models, pending), beliefs, worst, size, int(rng.integers(2**31)))
        return _Round(found[batch], gain / len(batch))

    def _models(self, finished: list[_Asked], figures: np.ndarray) -> dict[int, _Scaled]:
        """Fit a predictor of each costly objective; returns them by the objective's column."""
        chosen = np.arange(len(finished))
        if len(finished) > _MOST:
            near = best(figures, _MOST // 2)
            rest = np.setdiff1d(chosen, near)  # bad architectures must be represented as well
            chosen = np.sort(np.append(near, rest[np.linspace(0, len(rest) - 1, _MOST // 2).astype(int)]))
        architectures = [finished[i].architecture for i in chosen]
        return {
            column: self._model(objective.metric, architectures, figures[chosen, column] * objective.metric.sign)
            for column, objective in enumerate(self._feasible.problem.objectives)
            if not objective.cheap
        }

    def _model(self, metric: Metric, architectures: list[Architecture], values: np.ndarray) -> _Scaled:
        zero, span = 0.0, 1.0
        if metric.unit:  # the metric is not a share: leave as much room on either side as the values span
            zero, span = 2 * values.min() - values.max(), 3 * np.ptp(values) or 1.0
        shares = (values - zero) / span
        return _Scaled(fit_metric("accuracy", self._feasible.problem.family.name, architectures, shares, self._seed), zero, span)

    def _beliefs(self, models: dict[int, _Scaled], choices: np.ndarray) -> Beliefs:
        """Return the expected objectives of architectures given as (N, L) indices, with signs such that all are to be minimised."""
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
        """Draw up to (count, L) different feasible architectures that have not been met.

        A large pool, sorted by the first cheap cost, is cut into `count` parts of equal size; one architecture is drawn from each part. The
        largest comes first: a study begins with the cheapest one known, which takes the place of the last of these.
        """
        genes = self._genes
        anchor, drawn = genes.indices(dict(self._feasible.anchor.choices)), genes.random(_POOL, rng)
        # random architectures have medium costs, and all may exceed a tight limit: half of the pool lies between them and the anchor
        towards = np.where(rng.random(drawn.shape) < rng.random((_POOL, 1)), anchor, genes.random(_POOL, rng))
        pool = genes.fresh(np.concatenate([anchor[None], drawn, towards]), met)
        if self._cost is not None:
            pool = pool[np.argsort(self._cost.of(pool), kind="stable")]
        edges = np.linspace(0, len(pool), count + 1).astype(int)
        drawn = [rng.integers(low, high) for low, high in zip(edges[:-1], edges[1:], strict=True) if high > low]
        return pool[drawn[::-1]]
