"""Tracking with restarts: a tracker that has lost its target is started again, so that one early failure does not decide a sequence.

Source: the reset-based protocol of VOT (Kristan et al., TPAMI 2016). A tracker whose box does not overlap the true one has failed; five
frames later it is started again from the true box. Unlike there, a tracker has also failed where its overlap has stayed below 0.1 for
five frames, and the frames from a failure to the restart, which is included, count as overlap 0. So AO is a mean over the same frames as
in one-pass evaluation; it is equal for a tracker that never fails, and higher for one that fails early and could have gone on.

Worked example: in a sequence of 40 frames a tracker loses its target in frame 4 and would track every other frame with overlap 0.8. One-
pass evaluation counts 3 of 39 frames, an AO of 0.06. With restarts frames 4 to 9 count as 0 and the other 33 as 0.8, an AO of 0.68.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from tracking.boxes import iou
from tracking.lockstep import check_lengths
from tracking.sequence import Sequence

SKIP = 5
"""Number of frames from a failure to the restart."""
LOST_BELOW = 0.1
"""Overlap that a tracker must not stay below."""
PATIENCE = 5
"""Number of successive frames below `LOST_BELOW` that count as a failure."""


class Restartable(Protocol):
    """The part of `tracking.trackers.Procedure` that restarts need."""

    def start(self, images: list[np.ndarray], boxes: np.ndarray) -> Any:
        """See `Procedure.start`."""
        ...

    def step(self, images: list[np.ndarray], state: Any) -> tuple[Any, np.ndarray, np.ndarray]:
        """See `Procedure.step`."""
        ...

    def restart(self, images: list[np.ndarray], boxes: np.ndarray, state: Any, rows: np.ndarray) -> Any:
        """See `Procedure.restart`."""
        ...


def track_with_restarts(procedure: Restartable, sequences: list[Sequence]) -> list[np.ndarray]:
    """Track the target of each sequence, all sequences as one batch, and start again where it was lost.

    Args:
        procedure: A tracking procedure.
        sequences: Sequences of T frames each, T at least 1, of any image sizes. True boxes of later frames decide where the tracker has
            failed, and are given to it at restarts.

    Returns:
        For each sequence, in order, (T, 4) boxes xywh, px. The first row is the given box. Frames after a failure, up to the restart
        and including it, are NaN, which `one_pass.score` counts as overlap 0.

    Raises:
        ValueError: The sequences differ in length, or there are none.
    """
    length = check_lengths(sequences)
    truth = np.stack([sequence.boxes for sequence in sequences])
    annotated = np.asarray(np.isfinite(truth).all(-1) & (truth[..., 2:] > 0).all(-1))
    tracks = np.full(truth.shape, np.nan)
    tracks[:, 0] = truth[:, 0]
    due = np.full(len(sequences), -1)
    """Frame from which a sequence may be started again; -1 while it is tracked."""
    low = np.zeros(len(sequences), int)
    """Number of successive frames up to now with too little overlap."""
    state = procedure.start([sequence.image(0) for sequence in sequences], truth[:, 0])
    for t in range(1, length):
        images = [sequence.image(t) for sequence in sequences]
        state, boxes, _ = procedure.step(images, state)
        tracked = due < 0
        tracks[tracked, t] = boxes[tracked]
        overlap = np.nan_to_num(iou(boxes, truth[:, t]))
        seen = tracked & annotated[:, t]
        low = np.where(seen, np.where(overlap < LOST_BELOW, low + 1, 0), low)
        due[seen & ((overlap == 0) | (low >= PATIENCE))] = t + SKIP
        rows = np.flatnonzero((due >= 0) & (due <= t) & annotated[:, t])
        if len(rows):
            state = procedure.restart([images[row] for row in rows], truth[rows, t], state, rows)
            due[rows], low[rows] = -1, 0
    return list(tracks)
