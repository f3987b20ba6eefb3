"""The protocol of a fitted predictor, whatever it predicts and by which model."""

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
    """Predicted values of N architectures, with their intervals."""

    value: np.ndarray
    """(N,) predicted values, in the unit of the predictor."""
    low: np.ndarray
    """(N,) lower ends of the intervals."""
    high: np.ndarray
    """(N,) upper ends of the intervals."""


def finite(values: np.ndarray, metric: str) -> np.ndarray:
    """Check that predicted values are numbers, which a damaged file need not give, and return them.

    Raises:
        ValueError: A value is infinite or none.
    """
    if not np.isfinite(values).all():
        raise ValueError(
            f"a predictor must give finite numbers, this one of {metric} gives {values[~np.isfinite(values)][0]}; fit it again"
        )
    return values


class Predictor(Protocol):
    """Predicts one metric of the architectures of one family."""

    @property
    def metric(self) -> str:
        """Metric that is predicted: latency, memory, energy or accuracy."""
        ...

    @property
    def unit(self) -> str:
        """Unit of the predicted values, e.g. ms."""
        ...

    @property
    def family(self) -> str:
        """Name of the family whose architectures are predicted."""
        ...

    @property
    def profile(self) -> Profile | None:
        """Device and settings that the metric was measured with; None if they are unknown, or if the metric does not depend on a device."""
        ...

    @property
    def about(self) -> Mapping[str, Any]:
        """Record of the fit, e.g. scores and the chosen model."""
        ...

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Predict the metric of N architectures.

        Raises:
            ValueError: An architecture is of another family.
            MissingOperators: The latency table behind the predictor lacks operators of these architectures.
        """
        ...

    def predict_choices(self, choices: np.ndarray) -> Prediction:
        """Predict the metric of N architectures given as indices.

        No architectures need to be built, so that a search can ask about millions.

        Args:
            choices: (N, L) index of the chosen value of every choice, in the family's order. A choice that has no effect on the network
                may have any index.

        Raises:
            ValueError: `choices` is not an array of integers of that shape, or an index is out of range.
            MissingOperators: The latency table behind the predictor lacks operators of these architectures.
        """
        ...

    def save(self, path: Path) -> None:
        """Write the predictor to a JSON file, which `load_predictor` reads."""
        ...
