"""Tracks many video sequences in lockstep: the frames with the same number are one batch, and one step of the procedure tracks all of them."""

from __future__ import annotations

import numpy as np

from tracking.sequence import Sequence
from tracking.trackers.procedure import Procedure


def track_lockstep(procedure: Procedure, sequences: list[Sequence]) -> list[np.ndarray]:
    """Track the target of each sequence, all sequences as one batch.

    Args:
        procedure: A tracking procedure; see `tracking.trackers.procedure`.
        sequences: Sequences of T frames each, T at least 1, of any image sizes. Only the boxes of the first frames are used.

    Returns:
        For each sequence, in order, (T, 4) boxes: x and y of the top left corner, width and height, px. The first row is the given box.

    Raises:
        ValueError: The sequences differ in length, or there are none.
    """
    length = check_lengths(sequences)
    first = np.stack([sequence.boxes[0] for sequence in sequences])
    state = procedure.start([sequence.image(0) for sequence in sequences], first)
    tracks = [first]
    for t in range(1, length):
        state, boxes, _ = procedure.step([sequence.image(t) for sequence in sequences], state)
        tracks.append(boxes)
    return list(np.stack(tracks, axis=1))


def check_lengths(sequences: list[Sequence]) -> int:
    """Return the number of frames that all sequences have.

    Raises:
        ValueError: The sequences differ in length, or there are none.
    """
    lengths = {len(sequence) for sequence in sequences}
    if len(lengths) != 1:
        raise ValueError(f"sequences tracked in lockstep must have the same length, got lengths {sorted(lengths)}")
    return lengths.pop()
