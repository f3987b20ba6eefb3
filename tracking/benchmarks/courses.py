"""How protocols run a tracker over a sequence: once without help, or with restarts as the VOT challenges have them.

Source of the restarts: Kristan et al., TPAMI 2016, and the loop of pysot-toolkit: where the tracker's box does not overlap the true region at all,
it has failed; five frames later it is started again. What it said in the frame of the failure does not count, nor do the frames between.

Worked example: ten frames, failure in frame 3. The states are 1 0 0 2 3 3 3 3 1 0: started, tracked, tracked, failed, four skipped, started,
tracked. The tracker is shown frames 0 to 3, 8 and 9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracking.benchmarks.benchmark import State
from tracking.lockstep import Course, Shown
from tracking.regions.masks import mask_overlap
from tracking.sequence import Sequence
from tracking.trackers.procedure import check_box


@dataclass(frozen=True, eq=False)
class Track:
    """What a tracker said on a sequence of T frames."""

    boxes: np.ndarray
    """Boxes xywh, px, 0-based, shape (T, 4): the given one where the tracker was started; NaN where it failed or was not running."""
    scores: np.ndarray
    """Its confidence, from 0 to 1, shape (T,); NaN where there is no box."""
    states: np.ndarray
    """The `State` of each frame, shape (T,), int8."""


def without_help(sequence: Sequence) -> Course[Track]:
    """The tracker is started with the first box.

    Raises:
        ValueError: The first box does not lie in the first image.
    """
    track = _empty(len(sequence))
    yield from _begin(sequence, 0, track)
    for t in range(1, len(sequence)):
        answer = yield Shown(sequence.image(t))
        track.boxes[t], track.scores[t], track.states[t] = answer.box, answer.score, State.TRACKED
    return track


def with_restarts(sequence: Sequence, regions: np.ndarray, skip: int) -> Course[Track]:
    """The tracker is started with the first box, and again where it has failed.

    Args:
        sequence: The sequence; its boxes are what the tracker is started with.
        regions: True regions, which decide where it has failed, px, 0-based, shape (T, 4) or (T, 8). A frame whose region is unknown is
            no failure.
        skip: Frames from a failure to the restart, which is put off while the sequence has no box.

    Raises:
        ValueError: A box that the tracker is to be started with does not lie in its image.
    """
    track, t = _empty(len(sequence)), 0
    while t < len(sequence):
        yield from _begin(sequence, t, track)
        failed = False
        while not failed and (t := t + 1) < len(sequence):
            image = sequence.image(t)
            answer = yield Shown(image)
            overlap = mask_overlap(answer.box[None], regions[t : t + 1], (image.shape[1], image.shape[0]))[0]
            failed = bool(overlap == 0)
            if failed:
                track.states[t] = State.FAILED
            else:
                track.boxes[t], track.scores[t], track.states[t] = answer.box, answer.score, State.TRACKED
        t = t + skip
        while t < len(sequence) and not sequence.visible[t]:
            t += 1
    return track


def _empty(frames: int) -> Track:
    return Track(np.full((frames, 4), np.nan), np.full(frames, np.nan), np.full(frames, State.SKIPPED, np.int8))


def _begin(sequence: Sequence, t: int, track: Track) -> Course[None]:
    image = sequence.image(t)
    check_box(sequence.boxes[t], image)
    yield Shown(image, sequence.boxes[t])
    track.boxes[t], track.scores[t], track.states[t] = sequence.boxes[t], 1.0, State.INITIALISED
