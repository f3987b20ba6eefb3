"""When a target counts as lost, and when as found again: one rule for everything that follows a target.

A box is doubtful if its score is below `lost_below`. After `lost_after` doubtful boxes in succession the target is lost, and it stays so until a
score reaches `found_above`, which is the higher threshold: so a score that wavers about one of them does not make a target come and go.

Worked example, with lost_below .3, lost_after 2 and found_above .6: the scores .9 .2 .4 .2 .1 .5 .7 make the target lost with the fifth and
the sixth frame, and found again with the seventh.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


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
        """Score from which on a lost target is found again, 0 to 1; at least `lost_below`."""
        ...


@dataclass(frozen=True)
class Watch:
    """Which of B targets are lost."""

    doubts: np.ndarray
    """(B,) number of doubtful boxes in succession up to now."""
    lost: np.ndarray
    """(B,) whether each target is lost."""

    @staticmethod
    def of(count: int) -> Watch:
        """The beginning, where no target is lost."""
        return Watch(np.zeros(count, int), np.zeros(count, bool))

    def after(self, scores: np.ndarray, thresholds: Thresholds) -> Watch:
        """Which targets are lost after a further frame.

        Args:
            scores: (B,) scores of the boxes in that frame, 0 to 1.
            thresholds: When a target is lost.
        """
        doubts = np.where(scores < thresholds.lost_below, self.doubts + 1, 0)
        found = scores >= max(thresholds.found_above, thresholds.lost_below)
        return Watch(doubts, np.where(self.lost, ~found, doubts >= thresholds.lost_after))
