"""Cross-conformal intervals around predictions: the values between which a measurement is expected.

If a new network is drawn like the N held-out ones, its error is equally likely to take each rank among theirs, whatever the model and
the noise. So the error at rank 0.9 (N + 1) is not exceeded in 90 % of the cases. Worked example: with 19 held-out networks it is the 18th
smallest error. Ranks between two networks are interpolated. Below 9 networks the largest error is used, which covers N / (N + 1).

Errors in both directions count alike. Quantiles for each end would need twice as many networks; with 10 they covered 84 %.

Source: Vovk, Cross-conformal predictors (2015); Barber et al., Predictive inference with the jackknife+ (2021). Coverage is
checked by `benchmarks/latency.py --all`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

COVERAGE = 0.9
"""Share of new measurements that should lie inside an interval."""


@dataclass(frozen=True)
class Interval:
    """How far measurements may lie from predictions."""

    reach: float
    """Distance from the prediction to either end where the model states an uncertainty of 1: in the logarithm of the metric if `relative`,
    else in the unit of the metric."""
    coverage: float
    """Share of new measurements expected inside, 0..1."""
    relative: bool = True
    """Whether the ends are the prediction times exp(-reach) and exp(reach), rather than the prediction minus and plus the reach."""

    def __post_init__(self):
        if not (0 <= self.reach < math.inf and 0 <= self.coverage <= 1):
            raise ValueError(f"an interval must have a reach >= 0 and a coverage within 0..1, got {self.reach} and {self.coverage}")

    @classmethod
    def conformal(cls, misses: np.ndarray, relative: bool = True) -> Interval:
        """Find the interval from the errors of N held-out predictions.

        Args:
            misses: (N,) absolute errors, in the units of `reach`.
            relative: Whether the interval is relative, as the field says.
        """
        n = len(misses)
        # few measurements cannot promise 90 %: the largest of n errors covers n / (n + 1)
        return cls(float(np.quantile(misses, COVERAGE, method="weibull")), min(COVERAGE, n / (n + 1)), relative)

    @classmethod
    def of_factors(cls, low: float, high: float, coverage: float) -> Interval:
        """A relative interval from the factors of its ends, such as 0.8 and 1.25.

        Raises:
            ValueError: The factors are not positive, or low * high is not 1, or the coverage is not within 0..1.
        """
        if not (0 < low <= high and abs(low * high - 1) < 1e-6):
            raise ValueError(f"an interval must have factors 0 < low <= high equally far from 1, got {low} and {high}")
        return cls(math.log(high), coverage)

    @property
    def factors(self) -> dict[str, float]:
        """Factors of the ends of a relative interval (`low`, `high`) and its `coverage`, as files keep them."""
        high = math.exp(self.reach)
        return {"low": 1 / high, "high": high, "coverage": self.coverage}  # 1 / high: reading and writing a file changes no digit

    def around(self, middle: np.ndarray, doubt: np.ndarray | float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Compute the ends of the intervals around N predictions.

        Args:
            middle: (N,) predictions.
            doubt: (N,) uncertainty that the model states for each prediction; 1 for a model that states none.

        Returns:
            (N,) lower and (N,) upper ends.
        """
        reach = self.reach * doubt
        return (middle * np.exp(-reach), middle * np.exp(reach)) if self.relative else (middle - reach, middle + reach)
