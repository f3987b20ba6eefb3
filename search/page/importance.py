"""How much each choice matters for a figure, among the architectures that a search has looked at.

Permutation importance (Breiman, 2001; Fisher, Rudin and Dominici, 2019) of boosted trees: the trees learn a figure from the choices of one
half of the candidates; in the other half one choice is shuffled, and the squared error grows. Half of that growth is the share of
variance that the choice accounts for, were choices independent and their effects additive. It is association under what
the search happened to sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.metrics.metric import Metric

LEAST = 30
"""Candidates below which nothing is said."""
_MOST = 2000
"""Candidates that are looked at; more take time and add little."""
_SHUFFLES = 3


@dataclass(frozen=True)
class Importance:
    """What the choices of a family tell of one metric."""

    metric: Metric
    shares: np.ndarray
    """(L,) share of the figure's variance that each choice accounts for, 0..1 or a little more."""
    explained: float
    """Share of the variance that the trees predict in candidates that they were not fitted on, at most 1; where it is low, the
    figure is mostly noise or too few candidates are known."""


def importance(metric: Metric, choices: np.ndarray, values: np.ndarray) -> Importance | None:
    """Find which choices matter.

    Args:
        metric: What is to be explained.
        choices: (N, L) index of the chosen value of each choice.
        values: (N,) of the metric.

    Returns:
        None where there are too few finite values, or all are equal.
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
