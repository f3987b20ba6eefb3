"""When a target counts as lost, and when as found again: one rule for everything that follows a target.

A box is doubtful if its score is below `lost_below`. After `lost_after` doubtful boxes in succession the target is lost, and it stays so until a
score reaches `found_above`, which is the higher threshold: so a score that wavers about one of them does not make a target come and go. For a
target that is hard to see, whose boxes were never that certain, it is enough that a score is as high as was usual for it.

Worked example, with lost_below .3, lost_after 2 and found_above .6: the scores .9 .2 .4 .2 .1 .5 .7 make the target lost with the fifth and
the sixth frame, and found again with the seventh. With .45 in place of .9, the usual score is below .45, so it is found with the sixth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

_RATE = 0.05
"""Weight of a score in the running mean."""


class Thresholds(Protocol):
    """The part of `tracking.trackers.Settings` that says when a target is lost."""

    @property
    def lost_below(self) -> float:
        """Score below which a box is doubtful, 0 to 1."""
        ...

    @property
    def lost_after(self) -> int:
        """Number of successive doubtful boxes after which the target is lost."""
        ...

    @property
    def found_above(self) -> float:
        """Score from which on a lost target is found again, 0 to 1; less if its usual score is lower, but at least `lost_below`."""
        ...


@dataclass(frozen=True)
class Watch:
    """Which of B targets are lost."""

    doubts: np.ndarray
    """(B,) number of doubtful boxes in succession up to now."""
    lost: np.ndarray
    """(B,) whether each target is lost."""
    usual: np.ndarray
    """(B,) running mean of the scores of boxes that were not doubtful; NaN before the first."""

    @staticmethod
    def of(count: int) -> Watch:
        """The beginning, where no target is lost."""
        return Watch(np.zeros(count, int), np.zeros(count, bool), np.full(count, np.nan))

    def anew(self, rows: np.ndarray) -> Watch:
        """The same with a new beginning for the targets at (R,) positions."""
        doubts, lost, usual = self.doubts.copy(), self.lost.copy(), self.usual.copy()
        doubts[rows], lost[rows], usual[rows] = 0, False, np.nan
        return Watch(doubts, lost, usual)

    def select(self, rows: np.ndarray) -> Watch:
        """The same for some of the targets alone, (R,) positions among all B."""
        return Watch(self.doubts[rows], self.lost[rows], self.usual[rows])

    def after(self, scores: np.ndarray, thresholds: Thresholds) -> Watch:
        """Which targets are lost after a further frame.

        Args:
            scores: (B,) scores of the boxes in that frame, 0 to 1.
            thresholds: When a target is lost.
        """
        doubtful = scores < thresholds.lost_below
        doubts = np.where(doubtful, self.doubts + 1, 0)
        lost = np.where(self.lost, scores < self.certain(thresholds), doubts >= thresholds.lost_after)
        before = np.where(np.isnan(self.usual), scores, self.usual)
        usual = np.where(doubtful | self.lost, self.usual, before + _RATE * (scores - before))
        return Watch(doubts, lost, usual)

    def certain(self, thresholds: Thresholds) -> np.ndarray:
        """(B,) scores from which on lost targets count as found."""
        return np.maximum(np.fmin(thresholds.found_above, self.usual), thresholds.lost_below)
