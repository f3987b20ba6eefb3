"""Tracking with restarts: a tracker that has lost its target is started again, so that one early failure does not decide a sequence.

Source: the reset-based protocol of VOT (Kristan et al., TPAMI 2016). A tracker whose box does not overlap the true one has failed; five
frames later it is started again from the true box. Unlike there, a tracker has also failed where its overlap has stayed below 0.1 for
five frames, and the frames from a failure to the restart, which is included, count as overlap 0. So AO is a mean over the same frames as
in one-pass evaluation; it is equal for a tracker that never fails, and higher for one that fails early and could have gone on.

Worked example: in a sequence of 40 frames a tracker loses its target in frame 4 and would track every other frame with overlap 0.8. One-
pass evaluation counts 3 of 39 frames, an AO of 0.06. With restarts frames 4 to 9 count as 0 and the other 33 as 0.8, an AO of 0.68.
"""

from __future__ import annotations

import numpy as np

from tracking.boxes import iou
from tracking.lockstep import BATCH, Batchable, Course, Shown, in_order
from tracking.sequence import Sequence

SKIP = 5
"""Number of frames from a failure to the restart."""
LOST_BELOW = 0.1
"""Overlap that a tracker must not stay below."""
PATIENCE = 5
"""Number of successive frames below `LOST_BELOW` that count as a failure."""


def track_with_restarts(procedure: Batchable, sequences: list[Sequence], batch: int = BATCH) -> list[np.ndarray]:
    """Track the target of each sequence, several at once, and start again where it was lost.

    Args:
        procedure: A tracking procedure.
        sequences: Sequences of any lengths and image sizes. True boxes of later frames decide where the tracker has failed, and are given
            to it at restarts.
        batch: Number of targets that are tracked at once.

    Returns:
        For each sequence, in order, (T, 4) boxes xywh, px. The first row is the given box. Frames after a failure, up to the restart
        and including it, are NaN, which `one_pass.score` counts as overlap 0.

    Raises:
        OSError, ValueError: A sequence cannot be read.
    """
    return in_order(procedure, sequences, with_restarts, batch)


def with_restarts(sequence: Sequence) -> Course[np.ndarray]:
    """The tracker begins with the first box, and again with the true one where it has lost the target; see `track_with_restarts`."""
    truth = sequence.boxes
    annotated = np.asarray(np.isfinite(truth).all(-1) & (truth[:, 2:] > 0).all(-1))
    track = np.full(truth.shape, np.nan)
    track[0] = truth[0]
    yield Shown(sequence.image(0), truth[0])
    t, low = 1, 0
    while t < len(sequence):
        track[t] = (yield Shown(sequence.image(t))).box
        overlap = float(np.nan_to_num(iou(track[t], truth[t])))
        if annotated[t]:
            low = low + 1 if overlap < LOST_BELOW else 0
        if annotated[t] and (overlap == 0 or low >= PATIENCE):
            again = np.flatnonzero(annotated[t + SKIP :])
            if not len(again):
                break
            t, low = t + SKIP + int(again[0]), 0
            yield Shown(sequence.image(t), truth[t])
        t += 1
    return track
