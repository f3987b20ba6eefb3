"""What a difference of AO between two candidates is worth, given that both tracked the same sequences.

Two standard errors of the paired difference count as noise; what lies within is called a tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences, and how far it can be trusted."""

    mean: float
    standard_error: float

    @property
    def tie(self) -> bool:
        """Whether the difference lies within two standard errors."""
        return abs(self.mean) <= 2 * self.standard_error


def paired(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Compare two candidates sequence by sequence.

    Args:
        a: AO of the first candidate on each of N sequences.
        b: AO of the second on the same ones.

    Returns:
        The mean of a - b; with a single sequence nothing is known and the standard error is infinite.

    >>> paired([0.6, 0.7, 0.8], [0.5, 0.6, 0.7]).tie
    False
    """
    differences = np.asarray(a, float) - np.asarray(b, float)
    return Difference(float(differences.mean()), standard_error(differences))


def standard_error(values: Sequence[float] | np.ndarray) -> float:
    """Standard error of the mean of some values; infinite for fewer than two."""
    values = np.asarray(values, float)
    return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("inf")
