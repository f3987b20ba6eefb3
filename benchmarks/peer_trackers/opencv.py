"""OpenCV's trackers as a tracking procedure: an object for each target, images in BGR, boxes in whole pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tracking.images import cv2


@dataclass(frozen=True)
class Never:
    """Settings of trackers whose targets never count as lost."""

    lost_below: float = 0.0
    lost_after: int = 1
    found_above: float = 0.0


@dataclass(frozen=True)
class Held:
    """State of B targets."""

    trackers: tuple[Any, ...]
    """B objects of OpenCV, which change with every image that they are shown."""
    boxes: np.ndarray
    """(B, 4) the last box of each, xywh, px."""


class OpenCVTracker:
    """Tracks B targets with B objects of OpenCV; a `Procedure`.

    A tracker that finds nothing keeps its last box, with the score 0. Others have the score that OpenCV gives, or 1 where it gives none.
    """

    def __init__(self, make: Callable[[], Any]):
        self._make = make
        self.settings: Any = Never()

    def start(self, images: list[np.ndarray], boxes: np.ndarray) -> Held:
        trackers = tuple(self._make() for _ in images)
        for tracker, image, box in zip(trackers, images, boxes, strict=True):
            tracker.init(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [round(float(value)) for value in box])
        return Held(trackers, np.array(boxes, float))

    def step(self, images: list[np.ndarray], state: Held) -> tuple[Held, np.ndarray, np.ndarray]:
        boxes, scores = state.boxes.copy(), np.zeros(len(images))
        for row, (tracker, image) in enumerate(zip(state.trackers, images, strict=True)):
            found, box = tracker.update(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            if found:
                boxes[row] = box
                scores[row] = tracker.getTrackingScore() if hasattr(tracker, "getTrackingScore") else 1.0
        return replace(state, boxes=boxes), boxes, scores

    def restart(self, images: list[np.ndarray], boxes: np.ndarray, state: Held, rows: np.ndarray) -> Held:
        fresh, trackers, held = self.start(images, boxes), list(state.trackers), state.boxes.copy()
        for at, row in enumerate(rows):
            trackers[row], held[row] = fresh.trackers[at], fresh.boxes[at]
        return Held(tuple(trackers), held)

    def select(self, state: Held, rows: np.ndarray) -> Held:
        return Held(tuple(state.trackers[row] for row in rows), state.boxes[rows])


def opencv(name: str, **files: str) -> OpenCVTracker:
    """A tracker of OpenCV by the name of its class, such as `TrackerNano`.

    Args:
        name: Name of the class.
        files: Fields of its parameters, which are paths of network files.

    Raises:
        ValueError: This build of OpenCV has no such tracker.
    """
    create = getattr(cv2, f"{name}_create", None)
    if create is None:
        raise ValueError(f"OpenCV {cv2.__version__} as installed here has no {name}")
    if not files:
        return OpenCVTracker(create)
    parameters = getattr(cv2, f"{name}_Params")()
    for field, path in files.items():
        setattr(parameters, field, path)
    return OpenCVTracker(lambda: create(parameters))
