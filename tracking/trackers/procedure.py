"""The protocol of tracking procedures: a procedure is shown B targets once and then says where they are, frame by frame."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tracking.trackers.lost import Thresholds, Watch

State = Any
"""What a procedure remembers about its targets between two frames; only the procedure itself looks inside."""


class Settings(Thresholds, Protocol):
    """When a target is lost, sizes and constants of a procedure: a frozen dataclass of plain numbers, so that files can carry it."""

    @property
    def template_size(self) -> int:
        """Side of the template crop that the network takes, px."""
        ...

    @property
    def context(self) -> int:
        """Side of the square of target and context at the scale of the crops, px: the template's side, or more if it shows less context."""
        ...

    @property
    def search_size(self) -> int:
        """Side of the usual search crop, px."""
        ...

    @property
    def further_search_sizes(self) -> tuple[int, ...]:
        """Sides of other search crops that some targets need, px; each needs a search graph of its own."""
        ...


class Network(Protocol):
    """What a procedure needs from a network, whatever runs it: its exported graphs can be run by name."""

    def run(self, graph: str, inputs: Mapping[str, Any]) -> Sequence[Any]:
        """Run a graph.

        Args:
            graph: Name of the graph, e.g. `template` or `search`.
            inputs: Inputs by name, in the order of the graph: crops as (B, h, w, 3) uint8 RGB, and outputs of other graphs exactly as
                they were returned.

        Returns:
            The outputs in order: float32 arrays, except for those that other graphs take, which may have any type.
        """
        ...


class Procedure(Protocol):
    """A way to track B targets at once with a network."""

    @property
    def settings(self) -> Settings:
        """Sizes and constants of the procedure."""
        ...

    def start(self, images: list[np.ndarray], boxes: np.ndarray) -> State:
        """Start to track B targets.

        Args:
            images: B images, (H, W, 3) uint8 RGB each.
            boxes: (B, 4) xywh of the targets, in pixels of their images.

        Returns:
            The state for the first `step`.
        """
        ...

    def step(self, images: list[np.ndarray], state: State) -> tuple[State, np.ndarray, np.ndarray]:
        """Find the targets in the next B images.

        Args:
            images: B images, (H, W, 3) uint8 RGB each, in the order of the targets.
            state: What `start` or the step before returned.

        Returns:
            The new state, the boxes (B, 4) xywh, and scores (B,) from 0 to 1.
        """
        ...

    def restart(self, images: list[np.ndarray], boxes: np.ndarray, state: State, rows: np.ndarray) -> State:
        """Start to track some of the targets again, while the others go on.

        Args:
            images: R images, (H, W, 3) uint8 RGB each, of the targets that are started again.
            boxes: (R, 4) xywh of these targets, in pixels of their images.
            state: What `start` or the last `step` returned; it does not change.
            rows: (R,) positions of these targets among all B.

        Returns:
            The state for the next `step`.
        """
        ...

    def select(self, state: State, rows: np.ndarray) -> State:
        """Go on with some of the targets only.

        Args:
            state: What `start` or the last `step` returned; it does not change.
            rows: (R,) positions of the targets that go on, among all B.

        Returns:
            The state for the next `step`, of R targets in the order of `rows`.
        """
        ...


@dataclass(frozen=True)
class TrackResult:
    """Where a tracker believes the target to be."""

    box: np.ndarray
    """(4,) xywh in pixels, 0-based."""
    score: float
    """Confidence from 0 to 1."""
    doubtful: bool
    """Whether the confidence is so low that the box should not be trusted: it is below `lost_below`."""
    lost: bool = False
    """Whether the target is lost: several boxes in succession were doubtful, and none has been certain since; see `lost`."""


def follow(procedure: Procedure, images: Iterable[np.ndarray], box: np.ndarray) -> Iterator[tuple[np.ndarray, TrackResult, float]]:
    """Track one target through images, starting from its box in the first image.

    Args:
        procedure: The tracking procedure.
        images: (H, W, 3) RGB frames.
        box: (4,) xywh of the target in the first image.

    Yields:
        For each image: the image, the result, and the seconds that the procedure took.

    Raises:
        ValueError: The box does not lie in the first image.
    """
    box, state, watch = np.asarray(box, float), None, Watch.of(1)
    for t, image in enumerate(images):
        begun = time.perf_counter()
        if t == 0:
            check_box(box, image)
            state = procedure.start([image], box[None])
            result = TrackResult(box, 1.0, False)
        else:
            state, boxes, scores = procedure.step([image], state)
            watch = watch.after(scores, procedure.settings)
            result = TrackResult(boxes[0], float(scores[0]), bool(scores[0] < procedure.settings.lost_below), bool(watch.lost[0]))
        yield image, result, time.perf_counter() - begun


def check_box(box: np.ndarray, image: np.ndarray) -> None:
    """Refuse a first box that does not lie in its image, or is smaller than a pixel.

    Args:
        box: (4,) xywh.
        image: (H, W, 3).

    Raises:
        ValueError: The box is less than a pixel wide or high, more than twice as wide or high as the image, or lies outside it.
    """
    height, width = image.shape[:2]
    x, y, w, h = box
    if not (w >= 1 and h >= 1):
        shares = f"; if these are shares of the image, write {x * width:.0f},{y * height:.0f},{w * width:.0f},{h * height:.0f}"
        hint = shares if max(abs(box)) <= 1 else "; mend --box or the first line of the annotation"
        raise ValueError(f"the first box must be at least a pixel wide and high, got {','.join(f'{v:g}' for v in box)}{hint}")
    if not (x < width and y < height and x + w > 0 and y + h > 0 and w <= 2 * width and h <= 2 * height):
        raise ValueError(f"the first box must lie in the first image ({width}x{height}), got {','.join(f'{v:g}' for v in box)}; mend --box")
