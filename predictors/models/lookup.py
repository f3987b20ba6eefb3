"""The latency table as a predictor: its sum, and its sum through a robust line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predictors.encoding import Encoded
from tracking.files.records import typed

_SOFT = 0.03
"""Relative errors beyond this count less and less in a fit."""


@dataclass(frozen=True)
class Line:
    """Milliseconds as offset + slope * x."""

    offset: float = 0.0
    slope: float = 1.0

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.offset + self.slope * x


def fit_line(x: np.ndarray, ms: np.ndarray) -> Line:
    """The line through (N,) points with the least relative errors, outliers counting less.

    One point or equal x give a line through the origin.
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
    """The sum of the table, as it is."""

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
    """A line over the sum of the table: what a call costs, and what chains leave out."""

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
