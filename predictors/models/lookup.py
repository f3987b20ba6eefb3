"""Models that add up the latency table: the sum as it is, and a robust line over the sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predictors.encoding import Encoded
from tracking.files.records import typed

_SOFT = 0.03
"""Relative error beyond which a point counts less and less in the fit of a line."""


@dataclass(frozen=True)
class Line:
    """A line: value = offset + slope * x, which never falls."""

    offset: float = 0.0
    slope: float = 1.0

    def __post_init__(self):
        if not self.slope >= 0:
            raise ValueError(f"a line must have a slope >= 0, got {self.slope:g}")

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.offset + self.slope * x


def fit_line(x: np.ndarray, ms: np.ndarray) -> Line:
    """Fit a line to N points by their relative errors; outliers count less (soft L1 loss), and the slope is not negative.

    A single point, or equal x, give a line through the origin with the median of ms / x as slope.

    Args:
        x: (N,) positive numbers.
        ms: (N,) positive values to predict: milliseconds, or values of another metric.
    """
    from scipy.optimize import least_squares  # takes half a second to import, which predicting does not need

    scale = float(np.median(ms / x))
    if np.ptp(x) <= 1e-9 * x.max():
        return Line(0.0, scale)
    middle = float(np.median(ms))
    # in units of the data, so that both unknowns are near one
    fit = least_squares(
        lambda p: (p[0] * middle + p[1] * scale * x) / ms - 1,
        (0.0, 1.0),
        bounds=((-np.inf, 0.0), (np.inf, np.inf)),
        loss="soft_l1",
        f_scale=_SOFT,
    )
    return Line(float(fit.x[0] * middle), float(fit.x[1] * scale))


@dataclass(frozen=True)
class TableSum:
    """Predicts latency by the sum of the table, as it is."""

    @classmethod
    def fit(cls, encoded: Encoded, ms: np.ndarray) -> TableSum:
        return cls()

    def predict(self, encoded: Encoded) -> np.ndarray:
        return encoded.table_ms

    def to_json(self) -> dict:
        return {}

    @classmethod
    def from_json(cls, record: dict) -> TableSum:
        return cls()


@dataclass(frozen=True)
class TableLine:
    """Predicts latency by a line over the sum of the table.

    The offset is the fixed cost of a call; the slope corrects what is left out when operators are measured in chains.
    """

    line: Line

    @classmethod
    def fit(cls, encoded: Encoded, ms: np.ndarray) -> TableLine:
        return cls(fit_line(encoded.table_ms, ms))

    def predict(self, encoded: Encoded) -> np.ndarray:
        return self.line(encoded.table_ms)

    def to_json(self) -> dict:
        return {"offset": self.line.offset, "slope": self.line.slope}

    @classmethod
    def from_json(cls, record: dict) -> TableLine:
        return cls(typed(Line, record))
