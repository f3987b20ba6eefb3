"""What a model of latency provides."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np

from predictors.encoding import Encoded


class Model(Protocol):
    """A way to predict (N,) milliseconds; one of `MODELS`."""

    @classmethod
    def fit(cls, encoded: Encoded, ms: np.ndarray) -> Self: ...

    def predict(self, encoded: Encoded) -> np.ndarray: ...

    def to_json(self) -> dict: ...

    @classmethod
    def from_json(cls, record: dict) -> Self:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: It is no such record.
        """
        ...
