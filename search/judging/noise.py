"""Significance of the difference in AO between two candidates that tracked the same sequences.

Two things make it uncertain: which sequences were drawn, and which pairs calibrated the BatchNorm statistics. The former is estimated from
the spread of the paired differences, the latter by judging some candidates under several draws of pairs. A difference within two standard
errors is called a tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences, and its standard error."""

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
        b: AO of the second candidate on the same N sequences.
        calibration: Standard deviation of the AO of either candidate over draws of calibration pairs; see `calibration_noise`.

    Returns:
        The mean of a - b and its standard error: 0 if all scores are equal, else infinite for a single sequence.

    >>> paired([0.6, 0.7, 0.8], [0.5, 0.6, 0.7]).tie
    False
    """
    differences = np.asarray(a, float) - np.asarray(b, float)
    error = np.hypot(standard_error(differences), calibration * 2**0.5) if differences.any() else 0.0
    return Difference(float(differences.mean()), float(error))


def standard_error(values: Sequence[float] | np.ndarray) -> float:
    """Standard error of the mean of N values; infinite for N below 2."""
    count = len(values)
    if count < 2:
        return float("inf")
    mean = sum(values) / count  # for a few scores of each of many candidates NumPy would take ten times as long
    return float((sum((value - mean) ** 2 for value in values) / (count - 1) / count) ** 0.5)


def calibration_noise(repeats: Sequence[Sequence[float]]) -> float:
    """Standard deviation of a candidate's AO over draws of calibration pairs, pooled over candidates; 0 if `repeats` is empty.

    Args:
        repeats: For each candidate, its AO on the same sequences under two or more draws of calibration pairs.

    >>> round(calibration_noise([[0.50, 0.52], [0.70, 0.70]]), 6)
    0.01
    """
    if not repeats:
        return 0.0
    return float(np.sqrt(np.mean([np.var(each, ddof=1) for each in repeats])))
