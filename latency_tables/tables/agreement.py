"""How far two lists of figures agree in their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def rank_agreement(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray) -> dict[str, float]:
    """Spearman's rank correlation and Kendall's tau-b, -1..1; 0 where all of one side are equal.

    >>> rank_agreement([1, 2, 3], [10, 20, 40])
    {'spearman': 1.0, 'kendall': 1.0}
    """
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return {"spearman": 0.0, "kendall": 0.0}
    from scipy.stats import kendalltau, spearmanr  # takes a second to import

    return {name: float(np.asarray(of(first, second))[0]) for name, of in (("spearman", spearmanr), ("kendall", kendalltau))}
