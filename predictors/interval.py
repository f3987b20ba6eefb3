"""Between which values a measurement is expected: cross-conformal intervals around predictions.

Whatever the model and the noise, the error of a new network is equally likely to take each rank among N held-out ones, so the
error at rank 0.9 (N + 1) covers it with 90 %; ranks between two networks are interpolated. Errors count alike in both directions:
ends of their own need twice the networks, and cover 84 % where 10 were measured.

Source: Vovk, Cross-conformal predictors (2015); Barber et al., Predictive inference with the jackknife+ (2021). Coverage is
checked by `benchmarks/latency.py --all`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

COVERAGE = 0.9
"""Share of new measurements that intervals are to hold."""


@dataclass(frozen=True)
class Interval:
    """How far measurements may lie from predictions."""

    reach: float
    """In units of what the model says of its own doubt: of the logarithm of a relative metric, else of the metric itself."""
    coverage: float
    """Share of other measurements of the same kind expected inside, 0..1."""
    relative: bool = True
    """Whether ends are factors of the prediction rather than distances from it."""

    def __post_init__(self):
        if not (0 <= self.reach < math.inf and 0 <= self.coverage <= 1):
            raise ValueError(f"an interval must have a reach >= 0 and a coverage within 0..1, got {self.reach} and {self.coverage}")

    @classmethod
    def conformal(cls, misses: np.ndarray, relative: bool = True) -> Interval:
        """The interval that N held-out predictions suggest.

        Args:
            misses: (N,) by how much each was off, in the units of `reach`.
            relative: As for the interval.
        """
        n = len(misses)
        # few measurements cannot promise 90 %: the largest of n errors covers n / (n + 1)
        return cls(float(np.quantile(misses, COVERAGE, method="weibull")), min(COVERAGE, n / (n + 1)), relative)

    @classmethod
    def of_factors(cls, low: float, high: float, coverage: float) -> Interval:
        """A relative interval from the factors of its ends.

        Raises:
            ValueError: They are not positive, or not equally far from 1.
        """
        if not (0 < low <= high and abs(low * high - 1) < 1e-6):
            raise ValueError(f"an interval must have factors 0 < low <= high equally far from 1, got {low} and {high}")
        return cls(math.log(high), coverage)

    @property
    def factors(self) -> dict[str, float]:
        """Of a relative interval where doubt is 1: factors of its ends and its coverage, as files keep them."""
        high = math.exp(self.reach)
        return {"low": 1 / high, "high": high, "coverage": self.coverage}  # 1 / high, so that a file that is read is written as it was

    def around(self, middle: np.ndarray, doubt: np.ndarray | float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends around (N,) predictions, of which the model says how far off each may be relative to the others."""
        reach = self.reach * doubt
        return (middle * np.exp(-reach), middle * np.exp(reach)) if self.relative else (middle - reach, middle + reach)
