"""What a tracker is: it is shown a target once and then says where it is, frame by frame."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class TrackResult:
    """Where the tracker believes the target to be."""

    box: np.ndarray
    """(4,) xywh in pixels, 0-based."""
    score: float
    """Confidence from 0 to 1."""
    lost: bool
    """True where the confidence is so low that the box should not be trusted."""


class Tracker(Protocol):
    """Tracks one target at a time."""

    def init(self, image: np.ndarray, box: np.ndarray) -> None:
        """Learn the target from an (H, W, 3) RGB image and its (4,) xywh box."""
        ...

    def update(self, image: np.ndarray) -> TrackResult:
        """Find the target in the next image."""
        ...


def follow(tracker: Tracker, images: Iterable[np.ndarray], box: np.ndarray) -> Iterator[tuple[np.ndarray, TrackResult, float]]:
    """Track through images; the first one shows the target.

    Args:
        tracker: Any tracker.
        images: (H, W, 3) RGB frames.
        box: (4,) xywh of the target in the first image.

    Yields:
        Each image, the result, and the seconds that the tracker took for it.

    Raises:
        ValueError: The box does not lie in the first image.
    """
    for t, image in enumerate(images):
        start = time.perf_counter()
        if t == 0:
            _check_box(box, image)
            tracker.init(image, box)
            result = TrackResult(np.asarray(box, float), 1.0, False)
        else:
            result = tracker.update(image)
        yield image, result, time.perf_counter() - start


def _check_box(box: np.ndarray, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    x, y, w, h = box
    if not (w > 0 and h > 0 and x < width and y < height and x + w > 0 and y + h > 0 and w <= 2 * width and h <= 2 * height):
        raise ValueError(f"the first box must lie in the first image ({width}x{height}), got {','.join(f'{v:g}' for v in box)}; mend --box")
