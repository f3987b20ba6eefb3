"""What a fitted predictor is, whatever it predicts and however."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from latency_tables.tables.profile import Profile
from supernet.space import Architecture


@dataclass(frozen=True)
class Prediction:
    """Values with an interval, one for each architecture."""

    value: np.ndarray
    """(N,) most likely."""
    low: np.ndarray
    """(N,) lower end of the interval."""
    high: np.ndarray
    """(N,) upper end of the interval."""


class Predictor(Protocol):
    """Predicts one metric of the architectures of one family."""

    @property
    def metric(self) -> str:
        """What is predicted: latency, memory, energy or accuracy."""
        ...

    @property
    def unit(self) -> str:
        """Of the values, e.g. ms."""
        ...

    @property
    def family(self) -> str:
        """Name of the family."""
        ...

    @property
    def profile(self) -> Profile | None:
        """Where and with what the metric was measured; None where it does not depend on a device."""
        ...

    @property
    def about(self) -> Mapping[str, Any]:
        """How it was fitted, for the record."""
        ...

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Predict the metric.

        Raises:
            ValueError: An architecture is of another family.
            MissingOperators: A latency table lacks operators of these architectures.
        """
        ...

    def predict_choices(self, choices: np.ndarray) -> Prediction:
        """Predict as `predict` does, from numbers and without listing operators: for searches that ask about millions.

        Args:
            choices: (N, L) index of the chosen value of every choice, in the family's order; those that change nothing may be anything.

        Raises:
            ValueError: They are not such integers.
            MissingOperators: A latency table lacks operators of these architectures.
        """
        ...

    def save(self, path: Path) -> None:
        """Write the predictor as JSON, which `load_predictor` reads."""
        ...
