"""Answers of a tracker behind a camera, and what the last ones say of a frame without one: the box stays, or moves on at constant velocity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Seen:
    """What a tracker said, or was given, about one frame."""

    frame: int
    """Number of the frame."""
    box: np.ndarray
    """(4,) xywh in pixels; NaN if it said that there is no target."""
    score: float = 1.0
    """Its confidence, 0 to 1."""


@dataclass(frozen=True, eq=False)
class LiveRun:
    """What counted for each frame of a sequence behind a camera."""

    boxes: np.ndarray
    """(T, 4) xywh in pixels; NaN where the tracker said that there is no target, and from a failure to the restart."""
    scores: np.ndarray
    """(T,) confidence of the answer that each frame counts with."""
    shown: np.ndarray
    """(K,) numbers of the frames that the tracker was shown and answered in time, in order; the first is 0, where it was given the box."""
    seconds: np.ndarray
    """(K,) seconds that it took for each of them."""


Motion = Callable[[Sequence[Seen], int, tuple[int, int]], np.ndarray]
"""Function from the answers that are ready (at least one, in order), the number of a frame that is not before theirs, and the width and height
of the image in pixels, to the box (4,) of that frame."""


def hold(answers: Sequence[Seen], frame: int, size: tuple[int, int]) -> np.ndarray:
    """The last box: a zero-order hold, as in VOT's real-time experiment."""
    return answers[-1].box


def constant_velocity(answers: Sequence[Seen], frame: int, size: tuple[int, int]) -> np.ndarray:
    """The last box, whose centre goes on as it moved between the last two answers, up to the edge of the image; its size stays.

    The box stays where it is about this very frame, or where one of the last two answers is missing or says that there is no target.

    Worked example: the centre was at x = 20 in frame 1 and at 26 in frame 3, 3 px a frame. In frame 5 it is expected at 32.
    """
    last = answers[-1]
    if len(answers) < 2 or frame == last.frame:
        return last.box
    before = answers[-2]
    velocity = (_centre(last.box) - _centre(before.box)) / (last.frame - before.frame)
    if not np.isfinite(velocity).all():
        return last.box
    centre = np.clip(_centre(last.box) + velocity * (frame - last.frame), 0, size)
    return np.concatenate([centre - last.box[2:] / 2, last.box[2:]])


def _centre(box: np.ndarray) -> np.ndarray:
    return box[:2] + box[2:] / 2


MOTIONS: dict[str, Motion] = {"hold": hold, "constant-velocity": constant_velocity}


def motion_named(name: str) -> Motion:
    """Find what is assumed between answers by its name.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in MOTIONS:
        raise ValueError(f"motion must be one of {', '.join(MOTIONS)}, got {name!r:.40}; hold is usual")
    return MOTIONS[name]
