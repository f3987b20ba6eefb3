"""Tracks many sequences as one batch: each frame takes one step of the tracking procedure for all of them."""

from __future__ import annotations

import numpy as np

from tracking.sequence import Sequence
from tracking.trackers.procedure import Procedure


def track_lockstep(procedure: Procedure, sequences: list[Sequence]) -> list[np.ndarray]:
    """Run a tracking procedure over sequences of equal length, all at once.

    Args:
        procedure: A procedure that can track as many targets at once as there are sequences.
        sequences: Sequences of T frames each.

    Returns:
        Boxes (T, 4) xywh for each sequence; the first row is the true box.

    Raises:
        ValueError: The sequences differ in length, or there are none.
    """
    lengths = {len(sequence) for sequence in sequences}
    if len(lengths) != 1:
        raise ValueError(f"sequences tracked in lockstep must have the same length, got lengths {sorted(lengths)}")
    first = np.stack([sequence.boxes[0] for sequence in sequences])
    state = procedure.start([sequence.image(0) for sequence in sequences], first)
    tracks = [first]
    for t in range(1, lengths.pop()):
        state, boxes, _ = procedure.step([sequence.image(t) for sequence in sequences], state)
        tracks.append(boxes)
    return list(np.stack(tracks, axis=1))
