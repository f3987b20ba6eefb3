"""Judges a tracking procedure on clips: average overlap and area under the success curve, with restarts where the target was lost.

AO is the mean overlap after the first frame, averaged over clips, as in GOT-10k; AUC is the area under the success curve, as in OTB.
Other than there, a tracker that has lost its target is started again, and the frames until then count as overlap 0; see
`tracking.benchmarks.restarts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tracking import sequence as tracking_sequence
from tracking.benchmarks import one_pass
from tracking.benchmarks.restarts import track_with_restarts
from tracking.lockstep import Batchable


def score_each(procedure: Batchable, sequences: Sequence[tracking_sequence.Sequence]) -> list[one_pass.Scores]:
    """Track sequences with a tracking procedure and restarts, and score each.

    Args:
        procedure: The procedure, e.g. of a candidate with inherited weights, or of a retrained winner.
        sequences: N sequences of any lengths.

    Returns:
        The scores of each of the N sequences.
    """
    tracks = track_with_restarts(procedure, list(sequences))
    return [one_pass.score(boxes, sequence.boxes) for boxes, sequence in zip(tracks, sequences, strict=True)]


def static_ao(sequences: Iterable[tracking_sequence.Sequence]) -> float:
    """AO of a box that never moves except at restarts: the baseline that needs no tracking."""
    return float(np.mean([score_each(_Still(), [sequence])[0].ao for sequence in sequences]))


class _Still:
    """A procedure whose state is the boxes that it was started with, which it answers ever after."""

    def start(self, images: list[np.ndarray], boxes: np.ndarray) -> Any:
        return boxes

    def step(self, images: list[np.ndarray], state: Any) -> tuple[Any, np.ndarray, np.ndarray]:
        return state, state, np.ones(len(state))

    def restart(self, images: list[np.ndarray], boxes: np.ndarray, state: Any, rows: np.ndarray) -> Any:
        moved = state.copy()
        moved[rows] = boxes
        return moved

    def select(self, state: Any, rows: np.ndarray) -> Any:
        return state[rows]
