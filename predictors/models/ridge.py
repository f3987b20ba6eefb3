"""Ridge regression as a correction of the table: powers of a network's parameters, traffic and number of operators.

Operators are measured in short chains, which keep their weights and activations in cache; a whole network does not. The time that the
table misses for this reason grows about as a power of the network's size. The three exponents are learnt from fewer networks than trees
need. Worked example: with an exponent of 0.1 for parameters, twice as many of them make the prediction 2 ** 0.1 = 1.07 times as long.

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
"""Penalty on the squared coefficients; from 2 to 10 the cross-validated errors of the shipped tables hardly differ."""


@dataclass(frozen=True)
class Powers:
    """The factor scale * params_m ** params * traffic_m ** traffic * operators ** operators; the last three fields are exponents."""

    scale: float
    params: float
    traffic: float
    operators: float

    def __post_init__(self):
        if not self.scale > 0:
            raise ValueError(f"the scale of powers must be above 0, got {self.scale:g}")

    def __call__(self, encoded: Encoded) -> np.ndarray:
        exponents = [self.params, self.traffic, self.operators]
        return self.scale * np.exp(_logarithms(encoded) @ exponents)


@dataclass(frozen=True)
class TableRidge:
    """Predicts latency by a line over the table's sum, times powers of a network's parameters, traffic and number of operators."""

    line: TableLine
    powers: Powers

    @classmethod
    def fit(cls, encoded: Encoded, ms: np.ndarray) -> TableRidge:
        line = TableLine.fit(encoded, ms)
        missed = np.log(ms / np.maximum(line.predict(encoded), 1e-9)).round(6)  # finer digits come from the solver
        x = _logarithms(encoded)
        spread = np.where(np.ptp(x, axis=0) > 1e-9, x.std(axis=0), np.inf)  # a sum that never varies gets the exponent 0
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
    """(N, 3) logarithms of the sums named in `_SUMS`."""
    return np.log(encoded.sums(*_SUMS))
