"""A Gaussian process: a sum of a linear and a smooth function of the features, which knows how sure it is.

Source: Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), algorithm 2.1. scikit-learn finds the four
parameters of the kernel by marginal likelihood; what is kept are they and the data, and numpy predicts from these.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from tracking.files.records import typed

_MOST = 400
"""Parameters are found on so many rows at most: time grows with the cube."""


@dataclass(frozen=True)
class Kernel:
    """How alike two rows of features are, relative to the variance of what is predicted."""

    linear: float
    """Variance of the linear function."""
    smooth: float
    """Variance of the smooth function."""
    length: float
    """Distance over which the smooth function changes."""
    noise: float
    """Variance of what no features explain."""

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
    """A Gaussian process, as the data that it was fitted to and its kernel."""

    kernel: Kernel
    features: np.ndarray
    """(n, F) features."""
    targets: np.ndarray
    """(n,) what was observed."""

    @classmethod
    def fit(cls, features: np.ndarray, targets: np.ndarray, seed: int) -> Gaussian:
        """Fit to (n, F) features and (n,) targets."""
        process = cls(Kernel(0.5, 0.5, 1.0, 0.1), features, targets)
        some = np.random.default_rng(seed).permutation(len(features))[:_MOST]
        return replace(process, kernel=_likeliest(process._scaled(features)[some], process._relative[some]))

    def refit(self, features: np.ndarray, targets: np.ndarray) -> Gaussian:
        """The same kernel with other data."""
        return replace(self, features=features, targets=targets)

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) expected targets of (N, F) features, and (N,) their standard deviations, noise included."""
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
        features, targets = (np.array(record[name], float) for name in ("features", "targets"))
        if features.ndim != 2 or features.shape[1] != width or targets.shape != (len(features),) or not len(features):
            raise ValueError(
                f"a Gaussian process must have features (n, {width}) and targets (n,), got {features.shape} and {targets.shape}"
            )
        process = cls(typed(Kernel, record["kernel"]), features, targets)
        process.predict(features[:1])  # raises where the kernel does not fit the data
        return process

    @cached_property
    def _moments(self) -> tuple[float, float]:
        return float(self.targets.mean()), float(self.targets.std()) or 1.0

    @cached_property
    def _relative(self) -> np.ndarray:
        mean, deviation = self._moments
        return (self.targets - mean) / deviation

    @cached_property
    def _scale(self) -> tuple[np.ndarray, np.ndarray]:
        deviation = self.features.std(0)
        varied = deviation > 1e-9
        # constant features tell nothing, and distances are the same for any number of the others
        return self.features.mean(0), varied / np.where(varied, deviation, 1.0) / np.sqrt(max(1, varied.sum()))

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        mean, factor = self._scale
        return (features - mean) * factor

    @cached_property
    def _solved(self) -> tuple[np.ndarray, np.ndarray]:
        from scipy.linalg import solve_triangular

        scaled = self._scaled(self.features)
        covariance = self.kernel(scaled, scaled) + self.kernel.noise * np.eye(len(scaled))
        lower = np.linalg.cholesky(covariance)
        weights = solve_triangular(lower.T, solve_triangular(lower, self._relative, lower=True))
        return lower, weights


def _likeliest(rows: np.ndarray, targets: np.ndarray) -> Kernel:
    """Parameters of greatest marginal likelihood for scaled (n, F) rows and (n,) targets."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

    linear = ConstantKernel(0.5, (1e-4, 1e2)) * DotProduct(0.0, "fixed")
    smooth = ConstantKernel(0.5, (1e-4, 1e2)) * RBF(1.0, (0.1, 10.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a parameter at its bound is an answer
        found: Any = GaussianProcessRegressor(linear + smooth + WhiteKernel(0.1, (1e-3, 2.0)), alpha=0.0).fit(rows, targets)
    return Kernel(*(float(value) for value in np.exp(found.kernel_.theta)))
