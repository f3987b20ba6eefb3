"""Data on how well a predictor predicts: networks both predicted and measured, and its error over the number of measurements.

This is read from a record of the predictor: its file, or the settings of a search. Others may have written or edited the record, so
entries that cannot be read are left out and counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

T = TypeVar("T")
_MOST_MS = 1e9
"""Longest time that is read, eleven days: a longer one is an error of the file, and would overflow in ratios."""


@dataclass(frozen=True)
class Comparison:
    """A latency that was both predicted and measured."""

    name: str
    predicted_ms: float
    measured_ms: float
    interval_ms: tuple[float, float] | None = None
    """Lower and upper milliseconds between which the measurement was expected; None if they are unknown."""

    def __post_init__(self):
        low, high = self.interval_ms or (0, 0)
        times = (self.predicted_ms, self.measured_ms)
        if not (all(1 / _MOST_MS <= ms <= _MOST_MS for ms in times) and -_MOST_MS <= low <= high <= _MOST_MS):
            raise ValueError(f"a comparison must have times within 1e-9 to 1e9 ms and low <= high, got {self}; leave it out")

    @property
    def error(self) -> float:
        """Relative error of the prediction in percent; positive where it is too high."""
        return 100 * (self.predicted_ms / self.measured_ms - 1)

    @property
    def outside(self) -> bool:
        """Whether the measurement lies outside its interval; False if the interval is unknown."""
        return self.interval_ms is not None and not self.interval_ms[0] <= self.measured_ms <= self.interval_ms[1]


@dataclass(frozen=True)
class LearningPoint:
    """A point of a learning curve: the error of a predictor that was fitted on some number of networks."""

    networks: int
    """Number of networks that it was fitted on, at least 1."""
    mape: float
    """Mean absolute relative error on networks that it was not fitted on, in percent."""
    expected_mape: float | None = None
    """Error in percent that the predictor itself expects over random networks; None if it states none."""

    def __post_init__(self):
        if not (self.networks >= 1 and all(0 <= mape < math.inf for mape in (self.mape, self.expected_mape or 0.0))):
            raise ValueError(f"a point of a learning curve must have networks >= 1 and finite errors >= 0, got {self}; leave it out")


@dataclass(frozen=True)
class PredictorReport:
    """What the page shows of one predictor."""

    name: str
    """Name of its file, without folder and suffix."""
    device: str
    """Chip, runtime, precision and number of threads (if not 1), as far as they are known."""
    held_out: Sequence[Comparison]
    """Measured networks, each predicted by a model that was not fitted on it."""
    learning: Sequence[LearningPoint]
    """Points of the learning curve, by growing number of networks."""
    coverage: float | None
    """Share of measurements that its intervals promise to hold, 0..1; None if it states none."""
    left_out: int
    """Number of entries that could not be read."""


def predictor_report(record: Mapping) -> PredictorReport:
    """Collect what the page shows of a predictor.

    Args:
        record: The predictor's file or its entry in the settings of a search. It may have `path`, `profile`, `interval`, and `fit` with
            `held_out` and `learning`; each may be absent or broken.
    """
    fit, profile, interval = (_object(record.get(name)) for name in ("fit", "profile", "interval"))
    held_out, unread = _read(fit.get("held_out"), _comparison)
    learning, unread_points = _read(fit.get("learning"), _learning_point)
    coverage = interval.get("coverage")
    parts = [str(profile[part]) for part in ("chip", "runtime", "precision") if part in profile]
    if profile.get("threads", 1) != 1:
        parts.append(f"{profile['threads']} threads")
    return PredictorReport(
        name=Path(str(record.get("path", ""))).stem or "predictor",
        device=", ".join(parts) or "an unnamed device",
        held_out=held_out,
        learning=sorted(learning, key=lambda point: point.networks),
        coverage=coverage if isinstance(coverage, float | int) and 0 <= coverage <= 1 else None,
        left_out=unread + unread_points,
    )


def share_inside(comparisons: Sequence[Comparison]) -> float | None:
    """Share of the measurements that lie inside their intervals, 0..1; None if no interval is known."""
    known = [comparison for comparison in comparisons if comparison.interval_ms is not None]
    return float(np.mean([not comparison.outside for comparison in known])) if known else None


def _object(value: object) -> Mapping:
    return value if isinstance(value, Mapping) else {}


def _read(rows: object, read: Callable[[Mapping], T]) -> tuple[list[T], int]:
    """The entries of a list that can be read, and the number of those that cannot."""
    if not isinstance(rows, list):
        return [], int(rows is not None)
    found = []
    for row in rows:
        try:
            found.append(read(_object(row)))
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
    return found, len(rows) - len(found)


def _comparison(row: Mapping) -> Comparison:
    ends = [row.get(name) for name in ("low_ms", "high_ms")]
    interval_ms = None if ends == [None, None] else (float(ends[0]), float(ends[1]))  # pyright: ignore[reportArgumentType]
    return Comparison(str(row["name"]), float(row["predicted_ms"]), float(row["measured_ms"]), interval_ms)


def _learning_point(row: Mapping) -> LearningPoint:
    expected = row.get("expected_mape")
    return LearningPoint(int(row["networks"]), float(row["mape"]), None if expected is None else float(expected))
