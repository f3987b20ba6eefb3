"""What a difference of AO between two candidates is worth, given that both tracked the same sequences.

Two things make it uncertain: which sequences were drawn, told by the spread of the paired differences; and which pairs calibrated
the BatchNorm statistics, told by judging some candidates under several draws. Two standard errors count as noise; what lies within
is called a tie.
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


def paired(a: Sequence[float], b: Sequence[float], calibration: float = 0.0) -> Difference:
    """Compare two candidates sequence by sequence.

    Args:
        a: AO of the first candidate on each of N sequences.
        b: AO of the second on the same ones.
        calibration: Standard deviation that calibrating on other pairs gives the AO of either.

    Returns:
        The mean of a - b; with a single sequence nothing is known and the standard error is infinite.

    >>> paired([0.6, 0.7, 0.8], [0.5, 0.6, 0.7]).tie
    False
    """
    differences = np.asarray(a, float) - np.asarray(b, float)
    error = np.hypot(standard_error(differences), calibration * 2**0.5) if differences.any() else 0.0
    return Difference(float(differences.mean()), float(error))


def standard_error(values: Sequence[float] | np.ndarray) -> float:
    """Standard error of the mean of some values; infinite for fewer than two."""
    count = len(values)
    if count < 2:
        return float("inf")
    mean = sum(values) / count  # for a few scores of each of many candidates NumPy would take ten times as long
    return float((sum((value - mean) ** 2 for value in values) / (count - 1) / count) ** 0.5)


def calibration_noise(repeats: Sequence[Sequence[float]]) -> float:
    """Standard deviation that calibration alone gives the AO of a candidate, pooled over some of them; 0 where nothing was repeated.

    Args:
        repeats: For each candidate, its AO on the same sequences under two or more draws of calibration pairs.

    >>> round(calibration_noise([[0.50, 0.52], [0.70, 0.70]]), 6)
    0.01
    """
    if not repeats:
        return 0.0
    return float(np.sqrt(np.mean([np.var(each, ddof=1) for each in repeats])))
