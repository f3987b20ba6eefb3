"""How good predictions are: errors in percent and rank correlations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from latency_tables.tables.agreement import rank_agreement

_GAIN = 0.95
"""A model replaces a simpler one only if its error is below this share of the simpler one's error."""


@dataclass(frozen=True)
class Scores:
    """Predictions compared with measurements."""

    bias: float
    """Mean relative error in percent; positive where predictions are too high."""
    mape: float
    """Mean absolute relative error in percent."""
    within_5: float
    """Percentage of predictions that are at most 5 % off."""
    within_10: float
    """Percentage of predictions that are at most 10 % off."""
    spearman: float
    """Spearman's rank correlation, -1..1; 0 if all predictions are equal."""
    kendall: float
    """Kendall's rank correlation tau-b, -1..1; 0 if all predictions are equal."""

    def to_json(self) -> dict[str, float]:
        """The scores by name, rounded to four decimals."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def score(predicted: np.ndarray, measured: np.ndarray) -> Scores:
    """Compare (N,) predictions with (N,) positive measurements.

    Raises:
        ValueError: The shapes differ or are not (N,), or N is below 2.
    """
    if predicted.shape != measured.shape or predicted.ndim != 1 or len(predicted) < 2:
        raise ValueError(f"scores need as many predictions as measurements, at least 2, got {predicted.shape} and {measured.shape}")
    error = 100 * (predicted / measured - 1)
    ranks = rank_agreement(predicted, measured)
    # a rounding error must not decide whether 5.0 % is within 5 %
    within = {percent: 100 * float(np.mean(np.abs(error) <= percent + 1e-9)) for percent in (5, 10)}
    return Scores(
        bias=float(error.mean()),
        mape=float(np.abs(error).mean()),
        within_5=within[5],
        within_10=within[10],
        spearman=ranks["spearman"],
        kendall=ranks["kendall"],
    )


def simplest(error: Mapping[str, float]) -> str:
    """Choose a model by its cross-validated error, in favour of simple ones.

    A more complex model replaces the one chosen so far only if its error is more than 5 % smaller.

    Args:
        error: Cross-validated error of each model, from the simplest to the most complex.

    >>> simplest({"line": 2.0, "trees": 1.95, "blend": 1.8})
    'blend'
    >>> simplest({"line": 2.0, "trees": 1.95})
    'line'
    """
    chosen, *larger = error
    for name in larger:
        if error[name] < _GAIN * error[chosen]:
            chosen = name
    return chosen
