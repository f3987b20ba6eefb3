"""A Gaussian process with a linear and an RBF kernel: it predicts from features, and states how uncertain it is.

Source: Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), algorithm 2.1. scikit-learn finds the four
hyperparameters by marginal likelihood. Only these and the data are kept; predictions are made with NumPy and SciPy.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from tracking.files.records import is_number, typed

_MOST_ROWS = 4000
"""Most rows of data in a file, since memory grows with the square of their number."""
_MOST = 400
"""Most rows that hyperparameters are found on, since the time grows with the cube of their number."""


@dataclass(frozen=True)
class Kernel:
    """Covariance function of the process: a linear and an RBF kernel, for standardised features and targets."""

    linear: float
    """Variance of the linear part."""
    smooth: float
    """Variance of the smooth part (RBF)."""
    length: float
    """Length scale of the RBF kernel."""
    noise: float
    """Variance of the noise, which no features explain."""

    def __post_init__(self):
        if not (self.linear >= 0 and self.smooth >= 0 and self.length > 0 and self.noise > 0):
            raise ValueError(f"a kernel must have variances >= 0, a length and a noise > 0, got {self}")

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(N, M) covariances of rows (N, F) and (M, F), without noise."""
        product = a @ b.T
        squares = np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * product, 0.0)
        return self.linear * product + self.smooth * np.exp(-0.5 * squares / self.length**2)

    def variance(self, a: np.ndarray) -> np.ndarray:
        """(N,) variances of rows (N, F), without noise."""
        return self.linear * (a * a).sum(1) + self.smooth


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian process, kept as its kernel and the data that it was fitted to."""

    kernel: Kernel
    features: np.ndarray
    """(n, F) features."""
    targets: np.ndarray
    """(n,) observed targets."""

    @classmethod
    def fit(cls, features: np.ndarray, targets: np.ndarray, seed: int) -> Gaussian:
        """Find the kernel for (n, F) features and (n,) targets; `seed` draws the rows used if there are more than 400."""
        process = cls(Kernel(0.5, 0.5, 1.0, 0.1), features, targets)
        some = np.random.default_rng(seed).permutation(len(features))[:_MOST]
        return replace(process, kernel=_likeliest(process._scaled(features)[some], process._relative[some]))

    def refit(self, features: np.ndarray, targets: np.ndarray) -> Gaussian:
        """The process with the same kernel and other data."""
        return replace(self, features=features, targets=targets)

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict (N,) targets from (N, F) features, and their (N,) standard deviations, noise included."""
        from scipy.linalg import solve_triangular  # takes a while to import

        scaled = self._scaled(features)
        across = self.kernel(self._scaled(self.features), scaled)
        lower, weights = self._solved
        explained = solve_triangular(lower, across, lower=True)
        variance = self.kernel.variance(scaled) - (explained * explained).sum(0) + self.kernel.noise
        mean, deviation = self._moments
        return mean + deviation * (weights @ across), deviation * np.sqrt(np.maximum(variance, self.kernel.noise))

    def to_json(self) -> dict:
        return {"kernel": vars(self.kernel), "features": self.features.tolist(), "targets": self.targets.tolist()}

    @classmethod
    def from_json(cls, record: dict, width: int) -> Gaussian:
        rows, values = record["features"], record["targets"]
        if not (isinstance(rows, list) and isinstance(values, list)) or len(rows) > _MOST_ROWS:
            raise ValueError(f"a Gaussian process must have features and targets of at most {_MOST_ROWS} networks")
        if not all(is_number(value) for row in [*rows, values] for value in row):
            raise ValueError("features and targets of a Gaussian process must be numbers")
        features, targets = np.array(rows, float), np.array(values, float)
        if features.ndim != 2 or features.shape[1] != width or targets.shape != (len(features),) or not len(features):
            raise ValueError(
                f"a Gaussian process must have features (n, {width}) and targets (n,), got {features.shape} and {targets.shape}"
            )
        process = cls(typed(Kernel, record["kernel"]), features, targets)
        process.predict(features[:1])  # raises where the kernel does not fit the data
        return process

    @cached_property
    def _moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the targets; 1 in place of a deviation of 0."""
        return float(self.targets.mean()), float(self.targets.std()) or 1.0

    @cached_property
    def _relative(self) -> np.ndarray:
        """(n,) standardised targets."""
        mean, deviation = self._moments
        return (self.targets - mean) / deviation

    @cached_property
    def _scale(self) -> tuple[np.ndarray, np.ndarray]:
        """(F,) means of the features, and (F,) factors that standardise them."""
        deviation = self.features.std(0)
        varied = deviation > 1e-9
        # constant features get the factor 0; the root keeps distances independent of the number of the others
        return self.features.mean(0), varied / np.where(varied, deviation, 1.0) / np.sqrt(max(1, varied.sum()))

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        mean, factor = self._scale
        return (features - mean) * factor

    @cached_property
    def _solved(self) -> tuple[np.ndarray, np.ndarray]:
        """(n, n) lower Cholesky factor of the covariance of the data, and (n,) weights of the data in predictions."""
        from scipy.linalg import solve_triangular

        scaled = self._scaled(self.features)
        covariance = self.kernel(scaled, scaled) + self.kernel.noise * np.eye(len(scaled))
        lower = np.linalg.cholesky(covariance)
        weights = solve_triangular(lower.T, solve_triangular(lower, self._relative, lower=True))
        return lower, weights


def _likeliest(rows: np.ndarray, targets: np.ndarray) -> Kernel:
    """The kernel of greatest marginal likelihood for standardised (n, F) rows and (n,) targets."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

    linear = ConstantKernel(0.5, (1e-4, 1e2)) * DotProduct(0.0, "fixed")
    smooth = ConstantKernel(0.5, (1e-4, 1e2)) * RBF(1.0, (0.1, 10.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a parameter at its bound is an answer
        found: Any = GaussianProcessRegressor(linear + smooth + WhiteKernel(0.1, (1e-3, 2.0)), alpha=0.0).fit(rows, targets)
    return Kernel(*(float(value) for value in np.exp(found.kernel_.theta)))
