"""How much each choice matters for a figure, among the architectures that a search has looked at.

This is the permutation importance (Breiman, 2001; Fisher, Rudin and Dominici, 2019) of boosted trees. The trees are fitted to predict a
figure from the choices of one half of the candidates. In the other half the values of one choice are shuffled among candidates, and the
squared error grows. Half of that growth is the part of the figure's variance that the choice accounts for, provided that choices are
independent and their effects additive. It is association among the architectures that the search happened to sample, not a cause.

Worked example: a figure has the variance 4. Shuffling `kernel` raises the squared error by 2, so its share is (2 / 2) / 4 = 25 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.metrics.metric import Metric

LEAST = 30
"""Fewest candidates for which an importance is computed."""
_MOST = 2000
"""Most candidates that are used; more take time and add little."""
_SHUFFLES = 3
"""Times that each choice is shuffled."""


@dataclass(frozen=True)
class Importance:
    """How much each choice of a family matters for one metric."""

    metric: Metric
    shares: np.ndarray
    """(L,) share of the figure's variance that each choice accounts for, 0..1 or a little more."""
    explained: float
    """Share of the variance that the trees predict in candidates that they were not fitted on: at most 1, and negative if they predict
    worse than the mean would. If it is low, the figure is mostly noise, or too few candidates are known."""


def importance(metric: Metric, choices: np.ndarray, values: np.ndarray) -> Importance | None:
    """Compute how much each choice matters for a metric.

    Args:
        metric: The metric that is to be explained.
        choices: (N, L) index of the chosen value of each choice, for N candidates.
        values: (N,) value of the metric; candidates whose value is not finite are ignored.

    Returns:
        The importance; None if fewer than 30 values are finite, or all are equal.
    """
    from xgboost import XGBRegressor  # takes a while to import

    known = np.flatnonzero(np.isfinite(values))
    rng = np.random.default_rng(0)
    rows = rng.permutation(known)[:_MOST]
    if len(rows) < LEAST or np.ptp(values[rows]) == 0:
        return None
    shares, explained = np.zeros(choices.shape[1]), 0.0
    halves = rows[::2], rows[1::2]
    for fitted, other in (halves, halves[::-1]):
        scale = values[fitted].std() or 1.0
        trees = XGBRegressor(n_estimators=120, max_depth=4, learning_rate=0.12, n_jobs=1)
        trees.fit(choices[fitted], values[fitted] / scale)
        x, y = choices[other], values[other] / scale
        error, variance = np.mean((trees.predict(x) - y) ** 2), y.var() or 1.0
        explained += (1 - error / variance) / 2
        varied = np.flatnonzero(np.ptp(x, axis=0))
        for j in varied:
            shuffled = np.tile(x, (_SHUFFLES, 1))
            shuffled[:, j] = np.concatenate([rng.permutation(x[:, j]) for _ in range(_SHUFFLES)])
            grown = np.mean((trees.predict(shuffled) - np.tile(y, _SHUFFLES)) ** 2) - error
            shares[j] += max(grown, 0.0) / (2 * variance) / 2
    return Importance(metric, shares, float(explained))
