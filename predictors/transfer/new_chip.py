"""What a family's networks take on a chip that was hardly measured: which of them to measure, and the predictor that follows.

The estimate is a latency table that nobody measured: the posterior mean is a sum over operators, so each operator gets a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import norm

from latency_tables.tables.profile import Profile
from predictors.encoding import Encoder
from predictors.interval import COVERAGE, Interval
from predictors.latency import LatencyPredictor, fit_template_line, held_out_rows
from predictors.measured import MIN_NETWORKS
from predictors.models.lookup import Line, TableLine
from predictors.scores import score
from predictors.transfer.belief import Belief, Posterior, choose, condition, expected_error, leave_one_out
from predictors.transfer.imagined import imagined_chips, relative
from supernet.families.family import Family
from supernet.operators import Operator
from supernet.space import Architecture

MOST_NETWORKS = 50
_RANDOM = 300
"""Random architectures: what is chosen from, and what an expected error is the mean over."""
_LEAST_MS = 1e-6
"""An operator that the measurements say nothing of could come out below zero."""


@dataclass(frozen=True)
class Measured:
    """Networks that were measured on the new chip."""

    architectures: tuple[Architecture, ...]
    search_ms: np.ndarray
    """(n,) milliseconds per frame."""
    template_ms: np.ndarray
    """(n,) milliseconds of the template branch; empty where the family has none."""


class NewChip:
    """Beliefs about a family's networks on a chip, from the operator times of others."""

    def __init__(
        self,
        family: Family,
        known: Sequence[Mapping[str, float]],
        seed: int = 0,
        candidates: Sequence[Architecture] | None = None,
    ):
        """Imagine chips.

        Args:
            family: The family.
            known: Milliseconds of operators by key on each of the other chips; some may be missing.
            seed: Fixes the candidates, the imagined chips and the choice.
            candidates: What is chosen from; random architectures where not given.
        """
        self._family, self._rng = family, np.random.default_rng(seed)
        self._occurrences, self._encoder = family.occurrences, Encoder(family.name, {})
        drawn = tuple(dict.fromkeys(family.space.sample(self._rng) for _ in range(_RANDOM)))
        self.candidates = tuple(candidates or drawn)
        usual = self._counts(drawn).mean(axis=0)
        self._known = _relative_costs(self._operators, usual, known)
        self._imagined = imagined_chips(self._operators, usual, self._known, self._rng)
        self._random = self._beliefs(self._counts(drawn))

    @property
    def _operators(self) -> tuple[Operator, ...]:
        return self._occurrences.operators

    @cached_property
    def _order(self) -> np.ndarray:
        return choose(self._beliefs(self._counts(self.candidates)), min(MOST_NETWORKS, len(self.candidates)), self._rng)

    def choose(self, count: int) -> list[Architecture]:
        """The networks to measure first, each the one that tells most after those before it; at most 50."""
        return [self.candidates[i] for i in self._order[:count]]

    def expected_errors(self, measured: Measured) -> list[float]:
        """Expected error in percent over random networks, after the first, the first two, ... of the measured networks."""
        beliefs = self._beliefs(self._counts(measured.architectures))
        posteriors = (condition([b[: n + 1] for b in beliefs], measured.search_ms[: n + 1]) for n in range(len(measured.search_ms)))
        return [expected_error(posterior.predict(self._random)[1]) for posterior in posteriors]

    def forecast(self, count: int) -> tuple[float, float]:
        """Expected error in percent after the first networks, before any is measured: if the chip is like those known, and if strange."""
        errors = []
        # deviations do not depend on what will be measured, but which hypothesis holds does
        for chosen, belief in zip(self._beliefs(self._counts(self.choose(count))), self._random, strict=True):
            errors.append(expected_error(condition([chosen], chosen.mean).predict([belief])[1]))
        return min(errors), max(errors)

    def fit(self, measured: Measured, profile: Profile, reference_ms: float, about: Mapping) -> LatencyPredictor:
        """The predictor that follows from measured networks.

        Args:
            measured: At least 3 different networks.
            profile: Of the measurement.
            reference_ms: Milliseconds of the reference model during the measurement.
            about: Where the times of the other chips come from.

        Raises:
            ValueError: There are fewer.
        """
        if len(set(measured.architectures)) < MIN_NETWORKS:
            raise ValueError(
                f"a new chip needs at least {MIN_NETWORKS} different measured networks, got {len(set(measured.architectures))}; "
                "use --networks 10"
            )
        beliefs = self._beliefs(self._counts(measured.architectures))
        posterior = condition(beliefs, measured.search_ms)
        deviation = posterior.predict(self._random)[1]
        held_out, spread = leave_one_out(beliefs, measured.search_ms)
        quantile = norm.ppf((1 + COVERAGE) / 2)
        reach, ends = quantile * np.sqrt((deviation**2).mean()), np.exp(quantile * spread)
        operator_ms, call_ms = self._table(posterior)
        scores = score(held_out, measured.search_ms)
        fit = {
            "networks": len(measured.search_ms),
            "scores": {"transfer": scores.to_json()},
            "chosen": "transfer",
            "why": "few networks of this chip, with what other chips take",
            "expected_mape": expected_error(deviation),
            "learning": self._learning(measured),
            "held_out": held_out_rows(measured.architectures, held_out, measured.search_ms, held_out / ends, held_out * ends),
        }
        return LatencyPredictor(
            profile,
            reference_ms,
            operator_ms,
            "table_line",
            TableLine(Line(call_ms, 1.0)),
            fit_template_line(Encoder(self._family.name, operator_ms), measured.architectures, measured.template_ms),
            Interval(float(reach), COVERAGE),
            {"fit": {**about, **fit}},
        )

    def _learning(self, measured: Measured) -> list[dict]:
        """Errors with the first 3, 4, ... networks: left out one by one, and expected over random ones."""
        beliefs, expected = self._beliefs(self._counts(measured.architectures)), self.expected_errors(measured)
        points = []
        for n in range(MIN_NETWORKS, len(expected) + 1):
            predicted, _ = leave_one_out([b[:n] for b in beliefs], measured.search_ms[:n])
            points.append({"networks": n, "mape": score(predicted, measured.search_ms[:n]).mape, "expected_mape": expected[n - 1]})
        return points

    def _table(self, posterior: Posterior) -> tuple[dict[str, float], float]:
        """Milliseconds of every operator, and of a call."""
        operators = posterior.mean(self._beliefs(np.eye(len(self._operators)), calls=0.0))
        call = posterior.mean(self._beliefs(np.zeros((1, len(self._operators)))))[0]
        return {op.key: max(float(ms), _LEAST_MS) for op, ms in zip(self._operators, operators, strict=True)}, float(call)

    def _beliefs(self, counts: np.ndarray, calls: float = 1.0) -> list[Belief]:
        return [Belief.of(counts @ self._known, counts @ chips, calls=calls) for chips in self._imagined]

    def _counts(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """(N, K) how often each operator occurs in the search branch."""
        counts = self._occurrences.selection(self._encoder.choices(architectures)) @ self._occurrences.counts
        return counts * self._occurrences.of_branch["search"]


def _relative_costs(operators: Sequence[Operator], usual: np.ndarray, known: Sequence[Mapping[str, float]]) -> np.ndarray:
    """(K, S) relative costs; an operator that a chip lacks costs what its multiply-adds do there."""
    columns = []
    for times in known:
        ms = np.array([times.get(op.key, np.nan) for op in operators])
        macs, there = np.array([op.counts.macs for op in operators], float), np.isfinite(ms)
        rate = (usual @ np.where(there, ms, 0)) / (usual @ np.where(there, macs, 0))
        columns.append(relative(np.where(there, ms, rate * macs), usual))
    return np.column_stack(columns) if columns else np.empty((len(operators), 0))
