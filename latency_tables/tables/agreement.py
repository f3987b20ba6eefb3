"""Rank agreement: how far two lists of numbers put the same items in the same order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def rank_agreement(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray) -> dict[str, float]:
    """Spearman's rank correlation and Kendall's tau-b of two lists, each from -1 to 1; 0 if all numbers of one list are equal.

    >>> rank_agreement([1, 2, 3], [10, 20, 40])
    {'spearman': 1.0, 'kendall': 1.0}
    """
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return {"spearman": 0.0, "kendall": 0.0}
    from scipy.stats import kendalltau, spearmanr  # takes a second to import

    statistics = {"spearman": spearmanr, "kendall": kendalltau}
    return {name: float(np.asarray(statistic(first, second))[0]) for name, statistic in statistics.items()}
