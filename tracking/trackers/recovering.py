"""Looks for a lost target around the place where it was last seen, in an ever larger part of the image, until it is found again.

A procedure around another one. While a target is not lost (see `lost`) the inner procedure tracks it as it would alone, at no cost. A lost target is
looked for in `CROPS` search crops a frame: one at the last sure place, and others from a grid over the image, the nearest first. A first sweep
takes the 8 nearest places, the next one the 24 nearest, then the 80 nearest, until a sweep covers the image. The template and the size of the
target stay as they were. The best crop counts; the target is found where its score reaches `found_above`. Until then its box stays where it was last
sure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tracking.trackers.lost import Watch
from tracking.trackers.procedure import Procedure

CROPS = 4
"""Search crops for a lost target in each frame."""
_STEP = 0.6
"""Distance of neighbouring places in sides of a search crop: a target of a quarter of a crop's side lies in one of them as a whole."""


class Movable(Procedure, Protocol):
    """A procedure whose targets can be looked for elsewhere."""

    def put(self, state: Any, rows: np.ndarray, some: Any) -> Any:
        """A copy of a state in which the targets at (R,) positions have the state of R others."""
        ...

    def moved(self, state: Any, centres: np.ndarray) -> Any:
        """A copy of a state in which B targets are looked for around other places (B, 2), px of their images."""
        ...

    def boxes(self, state: Any) -> np.ndarray:
        """The boxes (B, 4) xywh of a state, px."""
        ...

    def reach(self, state: Any) -> np.ndarray:
        """Sides (B,) of the squares of the images that are searched for each target in one step, px."""
        ...


@dataclass(frozen=True)
class Recovery:
    """State of B targets."""

    targets: Any
    """State of the inner procedure."""
    sure: Any
    """Its state after the last frame in which each target was neither doubtful nor lost."""
    watch: Watch
    """Which targets are lost."""
    tried: np.ndarray
    """(B,) number of places tried since each target was lost."""


class Recovering:
    """Tracks B targets at once with another procedure, and finds lost ones again; a `Procedure`."""

    def __init__(self, procedure: Movable):
        self._procedure = procedure
        self.settings = procedure.settings

    def start(self, images: list[np.ndarray], boxes: np.ndarray) -> Recovery:
        targets = self._procedure.start(images, boxes)
        return Recovery(targets, targets, Watch.of(len(images)), np.zeros(len(images), int))

    def step(self, images: list[np.ndarray], state: Recovery) -> tuple[Recovery, np.ndarray, np.ndarray]:
        lost = np.flatnonzero(state.watch.lost)
        if not len(lost):
            targets, boxes, scores = self._procedure.step(images, state.targets)
            tried = state.tried
        else:
            targets, boxes, scores = self._step_some(images, state, lost)
            tried = np.where(state.watch.lost, state.tried + CROPS - 1, state.tried)
        watch = state.watch.after(scores, self.settings)
        sure = ~watch.lost & (watch.doubts == 0)
        if sure.all():
            last = targets
        else:
            rows = np.flatnonzero(sure)
            last = self._procedure.put(state.sure, rows, self._procedure.select(targets, rows)) if len(rows) else state.sure
        return Recovery(targets, last, watch, np.where(watch.lost, tried, 0)), boxes, scores

    def restart(self, images: list[np.ndarray], boxes: np.ndarray, state: Recovery, rows: np.ndarray) -> Recovery:
        fresh = self.start(images, boxes)
        tried = state.tried.copy()
        tried[rows] = 0
        targets, sure = (self._procedure.put(each, rows, fresh.targets) for each in (state.targets, state.sure))
        return Recovery(targets, sure, state.watch.anew(rows), tried)

    def select(self, state: Recovery, rows: np.ndarray) -> Recovery:
        targets, sure = (self._procedure.select(each, rows) for each in (state.targets, state.sure))
        return Recovery(targets, sure, state.watch.select(rows), state.tried[rows])

    def _step_some(self, images: list[np.ndarray], state: Recovery, lost: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        """Track the targets that are not lost, and look for those that are, (R,) positions: the inner state, boxes and scores of all."""
        inner, boxes, scores = self._procedure, np.empty((len(images), 4)), np.empty(len(images))
        targets, kept = state.targets, np.flatnonzero(~state.watch.lost)
        if len(kept):
            found, boxes[kept], scores[kept] = inner.step([images[row] for row in kept], inner.select(targets, kept))
            targets = inner.put(targets, kept, found)
        home = inner.select(state.sure, lost)
        found, boxes[lost], scores[lost] = self._search(
            [images[row] for row in lost], home, state.tried[lost], state.watch.certain(self.settings)[lost]
        )
        return inner.put(targets, lost, found), boxes, scores

    def _search(self, images: list[np.ndarray], home: Any, tried: np.ndarray, certain: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        """Look for R lost targets in the next places.

        Args:
            images: R images.
            home: Their last sure state.
            tried: (R,) number of places tried before.
            certain: (R,) scores from which on they count as found.

        Returns:
            Their state, which is `home` for those that are not found; their boxes (R, 4); and the scores (R,) of these boxes.
        """
        inner = self._procedure
        best, boxes, reaches = home, inner.boxes(home), inner.reach(home)
        middles, scores = boxes[:, :2] + boxes[:, 2:] / 2, np.empty(len(images))
        for crop in range(CROPS):
            at = zip(images, middles, reaches, tried, strict=True)
            centres = np.stack([place(image, middle, reach, count + crop - 1) for image, middle, reach, count in at]) if crop else middles
            found, seen, score = inner.step(images, inner.moved(home, centres))
            if not crop:
                scores[:] = score
                better = np.flatnonzero(score >= certain)
            else:
                better = np.flatnonzero(score >= np.maximum(scores, certain))
            if len(better):
                best = inner.put(best, better, inner.select(found, better))
                boxes[better], scores[better] = seen[better], score[better]
        return best, boxes, scores


def place(image: np.ndarray, home: np.ndarray, reach: float, number: int) -> np.ndarray:
    """Where a lost target is looked for next, beside the place where it was last seen.

    Args:
        image: (H, W, 3).
        home: (2,) centre of the target where it was last seen, px.
        reach: Side of the square that a search crop shows, px.
        number: How many places were tried before.

    Returns:
        (2,) centre of the next search crop, px.
    """
    sides = np.array([image.shape[1], image.shape[0]], float)
    across, down = (np.ceil(sides / (_STEP * reach))).astype(int).tolist()
    x, y = np.meshgrid((np.arange(across) + 0.5) * sides[0] / across, (np.arange(down) + 0.5) * sides[1] / down)
    grid = np.stack([x.ravel(), y.ravel()], axis=1)
    order = np.argsort(np.hypot(*(grid - home).T), kind="stable")
    ring = 1
    while number >= (sweep := min((2 * ring + 1) ** 2 - 1, len(grid))):
        if sweep == len(grid):
            number %= sweep
        else:
            number, ring = number - sweep, 2 * ring
    return grid[order[number]]
