"""Overlaps of a run with the truth, frame by frame, as accuracy and as expected overlaps take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracking.benchmarks.benchmark import State, TrackedRun, Truth
from tracking.regions.areas import area_overlap
from tracking.regions.corners import corners_of
from tracking.regions.masks import mask_overlap


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Overlaps of T frames, T the smaller number of those annotated and those tracked; NaN where they are unknown (rules V3 and V6)."""

    outer: np.ndarray
    """With regions cut at x = width and y = height, for accuracy, shape (T,)."""
    inner: np.ndarray
    """With regions cut at x = width - 1 and y = height - 1, for expected overlaps, shape (T,) (rule V8)."""


def overlaps_of(truth: Truth, run: TrackedRun, exact: bool = False) -> Overlaps:
    """Overlaps of a run.

    Args:
        truth: The annotation of its sequence.
        run: The run; where a tracker was running and said nothing, the overlap is 0.
        exact: Whether to divide exact areas rather than numbers of pixels.

    Raises:
        ValueError: Exact areas are wanted of a polygon that is not convex.
    """
    length = min(len(truth.regions), len(run.boxes))
    regions, boxes, states = truth.regions[:length], run.boxes[:length], run.states[:length]
    overlap = area_overlap if exact else mask_overlap
    inner = np.full(length, np.nan)
    tracked = states == State.TRACKED
    size = truth.size
    inner[tracked] = overlap(boxes[tracked], regions[tracked], None if size is None else (size[0] - 1, size[1] - 1))
    silent = tracked & np.isnan(corners_of(boxes)).any(axis=(1, 2)) & ~np.isnan(corners_of(regions)).any(axis=(1, 2))
    inner[silent] = 0
    outer = inner.copy()
    if size is not None:
        cut = tracked & ~silent & (_reach(boxes, size) | _reach(regions, size))
        outer[cut] = overlap(boxes[cut], regions[cut], size)
    return Overlaps(outer, inner)


def _reach(regions: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Whether regions reach so near the right or lower edge that the two limits differ."""
    return np.asarray((corners_of(regions).max(axis=1) > np.array(size) - 1.001).any(axis=1))
