"""Reliability of a metric: do two disjoint halves of the validation data rank the candidates alike?

It is the Spearman correlation between the candidates' mean scores on one half of the groups of pairs (or of the sequences) and on the other
half, averaged over random halves. Like any split-half figure it is about half of the data; what all of the data would reach is estimated
by the Spearman-Brown formula (Spearman, 1910; Brown, 1910). A search whose metric ranks by luck finds the luckiest candidate.

Worked example: halves that correlate by 0.8 promise 2 * 0.8 / (1 + 0.8) = 0.89 for the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import rankdata

RELIABLE = 0.8
"""Correlation of halves from which on the ranking of a metric is believed."""
WAY_OUT = f"below {RELIABLE} luck decides much of the ranking: judge on more pairs (--pairs) or more sequences (--sequences)"
"""What an unreliable ranking means, and what to do about it."""
LEAST_CANDIDATES = 8
"""Number of candidates below which nothing is said of reliability."""
_SPLITS = 20


@dataclass(frozen=True)
class Reliability:
    """How alike halves of the validation data rank the candidates of a search."""

    halves: float
    """Mean Spearman correlation between two disjoint halves, -1 to 1."""
    candidates: int
    """Number of candidates that were ranked."""
    groups: int
    """Number of groups of pairs, or of sequences, that were split."""

    @property
    def whole(self) -> float:
        """Estimated reliability of all the data: the Spearman-Brown formula; 0 where halves do not agree at all."""
        return max(0.0, 2 * self.halves / (1 + self.halves))

    @property
    def enough(self) -> bool:
        """Whether the ranking can be believed."""
        return self.halves >= RELIABLE

    def told(self, kind: str) -> str:
        """The reliability of a kind of metric in a sentence."""
        text = f"reliability of {kind}: two halves of its {self.groups} scores rank {self.candidates} candidates alike by {self.halves:.2f}"
        return text if self.enough else f"{text}; {WAY_OUT}"

    def to_json(self) -> dict:
        """The record in the summary of a search."""
        return {**asdict(self), "whole": self.whole}


def reliability(scores: Sequence[Sequence[float]]) -> Reliability | None:
    """Measure the reliability of a metric.

    Args:
        scores: For each of N candidates, its score on each of the same G groups of pairs or sequences.

    Returns:
        None if there are fewer than `LEAST_CANDIDATES` candidates, fewer than two groups, or nothing but equal candidates.
    """
    found = np.array(scores, float)
    if found.ndim != 2 or len(found) < LEAST_CANDIDATES or found.shape[1] < 2 or not np.ptp(found.mean(axis=1)):
        return None
    rng, values = np.random.default_rng(0), []
    for _ in range(_SPLITS):
        order = rng.permutation(found.shape[1])
        middle = found.shape[1] // 2
        values.append(_spearman(found[:, order[:middle]].mean(axis=1), found[:, order[middle:]].mean(axis=1)))
    return Reliability(float(np.mean(values)), len(found), found.shape[1])


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation; 0 if all values of a side are equal, since they rank nothing."""
    ranks = rankdata(a), rankdata(b)
    return float(np.corrcoef(*ranks)[0, 1]) if all(map(np.ptp, ranks)) else 0.0
