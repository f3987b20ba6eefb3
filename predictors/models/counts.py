"""The baseline model of latency: a line over multiply-adds, which knows nothing of the hardware but its speed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predictors.encoding import Encoded
from predictors.models.lookup import Line, fit_line
from tracking.files.records import typed


@dataclass(frozen=True)
class MacsLine:
    """Predicts latency by a line over multiply-adds."""

    line: Line

    @classmethod
    def fit(cls, encoded: Encoded, ms: np.ndarray) -> MacsLine:
        return cls(fit_line(encoded.macs, ms))

    def predict(self, encoded: Encoded) -> np.ndarray:
        return self.line(encoded.macs)

    def to_json(self) -> dict:
        return {"offset": self.line.offset, "slope": self.line.slope}

    @classmethod
    def from_json(cls, record: dict) -> MacsLine:
        return cls(typed(Line, record))
