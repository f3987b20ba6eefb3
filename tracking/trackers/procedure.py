"""What a tracking procedure is: it is shown B targets once and then says where they are, frame by frame."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

State = Any
"""What a procedure remembers of its targets between two frames; only it looks inside."""


class Settings(Protocol):
    """Sizes and constants of a procedure: a frozen dataclass of plain numbers, so that files can carry it."""

    @property
    def template_size(self) -> int:
        """Side of the template crop that the network takes, px."""
        ...

    @property
    def search_size(self) -> int:
        """Side of the search crop, px."""
        ...

    @property
    def further_search_sizes(self) -> tuple[int, ...]:
        """Sides of search crops that are used now and then beside the usual one, px."""
        ...

    @property
    def lost_below(self) -> float:
        """A best score below this says that the target is lost."""
        ...


class Network(Protocol):
    """What a procedure wants from whatever runs a network: graphs by name, as they are exported."""

    def run(self, graph: str, inputs: Mapping[str, Any]) -> Sequence[Any]:
        """Run a graph.

        Args:
            graph: Its name, e.g. `template` or `search`.
            inputs: By name, in order: crops as (B, h, w, 3) uint8 RGB, and outputs of other graphs just as they were returned.

        Returns:
            Its outputs in order: float32 arrays, except for those that only serve as inputs of other graphs.
        """
        ...


class Procedure(Protocol):
    """A way to track B targets at once with a network."""

    @property
    def settings(self) -> Settings:
        """Sizes and constants."""
        ...

    def start(self, images: list[np.ndarray], boxes: np.ndarray) -> State:
        """Learn B targets.

        Args:
            images: B images, (H, W, 3) uint8 RGB each.
            boxes: (B, 4) xywh in pixels of their images.
        """
        ...

    def step(self, images: list[np.ndarray], state: State) -> tuple[State, np.ndarray, np.ndarray]:
        """Find the targets in the next B images.

        Returns:
            The new state, the boxes (B, 4) xywh, and scores (B,) from 0 to 1.
        """
        ...


@dataclass(frozen=True)
class TrackResult:
    """Where a tracker believes the target to be."""

    box: np.ndarray
    """(4,) xywh in pixels, 0-based."""
    score: float
    """Confidence from 0 to 1."""
    lost: bool
    """True where the confidence is so low that the box should not be trusted."""


def follow(procedure: Procedure, images: Iterable[np.ndarray], box: np.ndarray) -> Iterator[tuple[np.ndarray, TrackResult, float]]:
    """Track one target through images; the first one shows it.

    Args:
        procedure: Any procedure.
        images: (H, W, 3) RGB frames.
        box: (4,) xywh of the target in the first image.

    Yields:
        Each image, the result, and the seconds that the procedure took for it.

    Raises:
        ValueError: The box does not lie in the first image.
    """
    box, state = np.asarray(box, float), None
    for t, image in enumerate(images):
        begun = time.perf_counter()
        if t == 0:
            check_box(box, image)
            state = procedure.start([image], box[None])
            result = TrackResult(box, 1.0, False)
        else:
            state, boxes, scores = procedure.step([image], state)
            result = TrackResult(boxes[0], float(scores[0]), bool(scores[0] < procedure.settings.lost_below))
        yield image, result, time.perf_counter() - begun


def check_box(box: np.ndarray, image: np.ndarray) -> None:
    """Refuse a first box that does not lie in its image.

    Args:
        box: (4,) xywh.
        image: (H, W, 3).

    Raises:
        ValueError: It has no size, is larger than twice the image, or lies outside.
    """
    height, width = image.shape[:2]
    x, y, w, h = box
    if not (w > 0 and h > 0 and x < width and y < height and x + w > 0 and y + h > 0 and w <= 2 * width and h <= 2 * height):
        raise ValueError(f"the first box must lie in the first image ({width}x{height}), got {','.join(f'{v:g}' for v in box)}; mend --box")
