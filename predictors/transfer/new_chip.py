"""Which networks of a family to measure on a new chip, and the latency predictor that follows from these few.

The predictor has a latency table that nobody measured: the posterior mean is a sum over operators, so each operator gets a time.
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
"""Most networks that are chosen for measuring."""
_RANDOM = 300
"""Number of random architectures drawn: the reference, the default candidates, and what an expected error is the mean over."""
_LEAST_MS = 1e-6
"""Least time of an operator: one that the measurements say little of could come out below zero."""


@dataclass(frozen=True)
class Measured:
    """Networks that were measured on the new chip."""

    architectures: tuple[Architecture, ...]
    """The n networks."""
    search_ms: np.ndarray
    """(n,) measured milliseconds per frame."""
    template_ms: np.ndarray
    """(n,) measured milliseconds of the template branch; empty if the family has no such branch."""


class NewChip:
    """Prior knowledge of the latencies of a family's networks on a new chip, from operator times on other chips and from imagined chips."""

    def __init__(
        self,
        family: Family,
        known: Sequence[Mapping[str, float]],
        seed: int = 0,
        candidates: Sequence[Architecture] | None = None,
    ):
        """Draw random architectures and imagined chips.

        Args:
            family: The family.
            known: Milliseconds of operators by key, for each of the other chips; some operators may be missing.
            seed: Fixes the random architectures, the imagined chips and the choice of networks.
            candidates: Architectures to choose from for measuring; the random ones if not given.
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
        """Rows of the candidates in the order in which they are to be measured."""
        return choose(self._beliefs(self._counts(self.candidates)), min(MOST_NETWORKS, len(self.candidates)), self._rng)

    def choose(self, count: int) -> list[Architecture]:
        """The first `count` networks to measure, at most 50.

        Each in turn most reduces the uncertainty about all candidates; about one in ten is random.
        """
        return [self.candidates[i] for i in self._order[:count]]

    def expected_errors(self, measured: Measured) -> list[float]:
        """Mean error in percent that is expected over random networks, given the first, the first two, ... of the measured networks."""
        beliefs = self._beliefs(self._counts(measured.architectures))
        posteriors = (condition([b[: n + 1] for b in beliefs], measured.search_ms[: n + 1]) for n in range(len(measured.search_ms)))
        return [expected_error(posterior.predict(self._random)[1]) for posterior in posteriors]

    def forecast(self, count: int) -> tuple[float, float]:
        """Error in percent to expect over random networks once `count` networks are measured, before any is.

        Returns:
            The least and the largest over the hypotheses: if the chip is like those known, and if it is unlike them.
        """
        errors = []
        # deviations do not depend on what will be measured, but which hypothesis holds does
        for chosen, belief in zip(self._beliefs(self._counts(self.choose(count))), self._random, strict=True):
            errors.append(expected_error(condition([chosen], chosen.mean).predict([belief])[1]))
        return min(errors), max(errors)

    def fit(self, measured: Measured, profile: Profile, reference_ms: float, about: Mapping) -> LatencyPredictor:
        """Fit the predictor that follows from measured networks.

        Args:
            measured: At least 3 different networks.
            profile: Profile of the measurement.
            reference_ms: Milliseconds of the reference model during the measurement.
            about: Further entries for the record of the fit, e.g. the files of the other chips.

        Raises:
            ValueError: There are fewer than 3 different networks.
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
        """Errors with the first 3, 4, ... networks: each predicted from the others, and expected over random networks."""
        beliefs, expected = self._beliefs(self._counts(measured.architectures)), self.expected_errors(measured)
        points = []
        for n in range(MIN_NETWORKS, len(expected) + 1):
            predicted, _ = leave_one_out([b[:n] for b in beliefs], measured.search_ms[:n])
            points.append({"networks": n, "mape": score(predicted, measured.search_ms[:n]).mape, "expected_mape": expected[n - 1]})
        return points

    def _table(self, posterior: Posterior) -> tuple[dict[str, float], float]:
        """Expected milliseconds of every operator by key, and of a call."""
        operators = posterior.mean(self._beliefs(np.eye(len(self._operators)), calls=0.0))
        call = posterior.mean(self._beliefs(np.zeros((1, len(self._operators)))))[0]
        return {op.key: max(float(ms), _LEAST_MS) for op, ms in zip(self._operators, operators, strict=True)}, float(call)

    def _beliefs(self, counts: np.ndarray, calls: float = 1.0) -> list[Belief]:
        """Beliefs about N networks given as (N, K) counts of their operators, one for each hypothesis."""
        return [Belief.of(counts @ self._known, counts @ chips, calls=calls) for chips in self._imagined]

    def _counts(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """(N, K) how often each operator occurs in the search branch of N networks."""
        counts = self._occurrences.selection(self._encoder.choices(architectures)) @ self._occurrences.counts
        return counts * self._occurrences.of_branch["search"]


def _relative_costs(operators: Sequence[Operator], usual: np.ndarray, known: Sequence[Mapping[str, float]]) -> np.ndarray:
    """(K, S) relative costs on S chips; an operator without a time costs in proportion to its multiply-adds, at the rate of the others."""
    columns = []
    for times in known:
        ms = np.array([times.get(op.key, np.nan) for op in operators])
        macs, there = np.array([op.counts.macs for op in operators], float), np.isfinite(ms)
        rate = (usual @ np.where(there, ms, 0)) / (usual @ np.where(there, macs, 0))
        columns.append(relative(np.where(there, ms, rate * macs), usual))
    return np.column_stack(columns) if columns else np.empty((len(operators), 0))
