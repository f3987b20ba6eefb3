"""A figure over many sequences, in a form from which it can be computed again for any choice of them.

Every figure of a benchmark is a quotient of two sums over sequences, or a mean of such quotients: success is a sum of the sequences' values
by their number, GOT-10k's AO a sum of overlaps by a number of frames, and an expected overlap a mean over lengths. So an interval follows
from drawing sequences anew (bootstrap), without scoring anything again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROUNDS = 1000
"""How often sequences are drawn anew."""
SHARE = 0.95
"""Share of the drawn figures that lies in an interval."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A mean over L places of a quotient of sums over S sequences."""

    numerators: np.ndarray
    """What each sequence adds above the line, shape (S, L)."""
    denominators: np.ndarray
    """What each sequence adds below the line, shape (S, L)."""

    def curve(self, counts: np.ndarray | None = None) -> np.ndarray:
        """The quotients.

        Args:
            counts: How often each sequence counts, shape (..., S); once by default.

        Returns:
            Shape (..., L); NaN where nothing stands below the line.
        """
        if counts is None:
            counts = np.ones(len(self.numerators))
        below = counts @ self.denominators
        with np.errstate(invalid="ignore"):
            return np.where(below > 0, counts @ self.numerators / np.where(below > 0, below, 1), np.nan)

    def value(self) -> float:
        """The figure; NaN if no place has a quotient."""
        return float(_mean(self.curve()))

    def interval(self, seed: int = 0) -> tuple[float, float]:
        """Where the figure lies for other sequences of the same kind, nineteen times in twenty (percentile bootstrap over sequences)."""
        count = len(self.numerators)
        counts = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=ROUNDS).astype(np.float64)
        drawn = _mean(self.curve(counts))
        drawn = drawn[np.isfinite(drawn)]
        if not len(drawn):
            return float("nan"), float("nan")
        low, high = np.quantile(drawn, [(1 - SHARE) / 2, (1 + SHARE) / 2])
        return float(low), float(high)


def mean_of(values: np.ndarray) -> Figure:
    """The mean over sequences of a value of each, shape (S,); a sequence without one (NaN) does not count."""
    known = np.isfinite(values)
    return Figure(np.where(known, values, 0)[:, None], known.astype(np.float64)[:, None])


def sum_of(values: np.ndarray) -> Figure:
    """The sum over sequences of a value of each, shape (S,)."""
    return Figure(values[:, None] * len(values), np.ones((len(values), 1)))


def _mean(curves: np.ndarray) -> np.ndarray:
    """Mean over the places that have a value."""
    known = ~np.isnan(curves)
    count = known.sum(axis=-1)
    return np.where(count > 0, np.where(known, curves, 0).sum(axis=-1) / np.maximum(count, 1), np.nan)
