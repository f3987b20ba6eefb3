"""The protocol of a model of latency."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np

from predictors.encoding import Encoded


class Model(Protocol):
    """Predicts the milliseconds of N encoded architectures; its classes are listed in `MODELS`."""

    @classmethod
    def fit(cls, encoded: Encoded, ms: np.ndarray) -> Self:
        """Fit to N encoded networks and their (N,) measured milliseconds."""
        ...

    def predict(self, encoded: Encoded) -> np.ndarray:
        """Predict the (N,) milliseconds of N encoded architectures."""
        ...

    def to_json(self) -> dict:
        """The record that `from_json` reads."""
        ...

    @classmethod
    def from_json(cls, record: dict) -> Self:
        """Build the model from a record that `to_json` made.

        Raises:
            KeyError, TypeError, ValueError: The record is incomplete or malformed.
        """
        ...
