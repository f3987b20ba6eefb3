"""Ridge regression as a correction of the table: a network of more weights, traffic or operators than usual strays from the sum alike.

The chains that a table is made of keep their weights and activations in cache, a whole network does not; what that leaves out grows
as a power of the network's size. Three exponents are learnt from fewer networks than trees need.
Source: Hoerl & Kennard, Ridge Regression (Technometrics 1970).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from predictors.encoding import Encoded
from predictors.models.lookup import TableLine
from tracking.files.records import typed

_SUMS = ("params_m", "traffic_m", "operators")
_PENALTY = 5.0
"""Weight of the squared exponents; between 2 and 10 cross-validated errors of the shipped tables hardly differ."""


@dataclass(frozen=True)
class Powers:
    """A factor: scale * params_m ** params * traffic_m ** traffic * operators ** operators."""

    scale: float
    params: float
    traffic: float
    operators: float

    def __call__(self, encoded: Encoded) -> np.ndarray:
        exponents = [self.params, self.traffic, self.operators]
        return self.scale * np.exp(_logarithms(encoded) @ exponents)


@dataclass(frozen=True)
class TableRidge:
    """A line over the table's sum, times powers of a network's parameters, traffic and number of operators."""

    line: TableLine
    powers: Powers

    @classmethod
    def fit(cls, encoded: Encoded, ms: np.ndarray) -> TableRidge:
        line = TableLine.fit(encoded, ms)
        missed = np.log(ms / np.maximum(line.predict(encoded), 1e-9)).round(6)  # less is the solver's, not the chip's
        x = _logarithms(encoded)
        spread = np.where(np.ptp(x, axis=0) > 1e-9, x.std(axis=0), np.inf)  # what never varies teaches nothing
        z = (x - x.mean(axis=0)) / spread
        exponents = np.linalg.solve(z.T @ z + _PENALTY * np.eye(len(_SUMS)), z.T @ (missed - missed.mean())) / spread
        return cls(line, Powers(float(np.exp(missed.mean() - x.mean(axis=0) @ exponents)), *map(float, exponents)))

    def predict(self, encoded: Encoded) -> np.ndarray:
        return self.line.predict(encoded) * self.powers(encoded)

    def to_json(self) -> dict:
        return {"line": self.line.to_json(), "powers": asdict(self.powers)}

    @classmethod
    def from_json(cls, record: dict) -> TableRidge:
        return cls(TableLine.from_json(record["line"]), typed(Powers, record["powers"]))


def _logarithms(encoded: Encoded) -> np.ndarray:
    return np.log(encoded.sums(*_SUMS))
