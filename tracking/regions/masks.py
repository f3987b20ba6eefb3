"""Overlap of regions as sets of pixels, by the very rule of the VOT toolkit, which decides the third digit of an expected overlap.

Source: vot-toolkit's region library with its legacy rasterisation off, as pysot-toolkit uses it; found out by running it. Rewritten as
arithmetic on intervals, one row of pixels at a time; checked by tests/test_regions.py with overlaps of the toolkit's own masks.

1. Corners are float32. The bounds of each region are rounded outwards and cut at the image's edge; if the bounds do not overlap, nor do
the regions.
2. Corners are shifted so that the two bounds begin at 0, and rounded to whole pixels, halves away from zero.
3. In each row every edge that is not horizontal and touches the row gives a place, truncated to a whole pixel. Places are sorted and
filled in pairs,
   both ends included; of two equal neighbours the first is passed over. So a tip, where two edges meet in one pixel, is not filled.

Worked example: the boxes [10, 10, 20, 20] and [20, 10, 20, 20] cover 21 x 21 pixels each and share 11 x 21: 231 / 651 = .354839, where
exact areas give 1/3. The boxes [0, 0, 10, 10] and [10, 0, 10, 10] share a column of pixels, but their bounds only touch: 0.
"""

from __future__ import annotations

import numpy as np

from tracking.regions.corners import corners_of

_ROWS = 500_000
"""Most rows of pixels that are filled at once, which bounds the memory."""
_SMALLEST_RATIO = 1e-10
"""Ratio of two bounds' areas below which regions do not overlap: a region without area among them."""


def mask_overlap(a: np.ndarray, b: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
    """Intersection over union of the pixels of two regions.

    Args:
        a: Regions, shape (N, 4) or (N, 8).
        b: As many regions.
        size: Largest x and y that count, both included, px; None for no limit.

    Returns:
        Shape (N,), from 0 to 1, float32 as the toolkit has it; NaN where a region is unknown, or where both have no pixel.
    """
    first, second = corners_of(a).astype(np.float32), corners_of(b).astype(np.float32)
    bounds = [_bounds(corners, size) for corners in (first, second)]
    origin = np.minimum(bounds[0][:, :2], bounds[1][:, :2])
    extent = (np.maximum(bounds[0][:, 2:], bounds[1][:, 2:]) - origin + 1).astype(np.float64)
    overlaps = np.where(np.isnan(extent).any(axis=1), np.float32(np.nan), np.float32(0))
    rows = np.flatnonzero(_may_overlap(*bounds) & (extent >= 1).all(axis=1))
    width, height = extent[rows].T.astype(np.int64)
    shifted = [_rounded(corners[rows] - origin[rows, None]) for corners in (first, second)]
    for part in _parts(height):
        shared, union = _count(shifted[0][part], shifted[1][part], width[part], height[part])
        with np.errstate(invalid="ignore"):
            overlaps[rows[part]] = shared.astype(np.float32) / union.astype(np.float32)
    return overlaps


def _bounds(corners: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """Left, top, right and bottom of each region in whole pixels, cut at the edge of the image."""
    low, high = np.floor(corners.min(axis=1)), np.ceil(corners.max(axis=1))
    if size is not None:
        low, high = np.maximum(low, np.float32(0)), np.minimum(high, np.asarray(size, np.float32))
    return np.concatenate([low, high], axis=1)


def _may_overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether the bounds of two regions share an area, and are of comparable size."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared, area_a, area_b = sides.prod(axis=1), (a[:, 2:] - a[:, :2]).prod(axis=1), (b[:, 2:] - b[:, :2]).prod(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        comparable = ~((area_a / area_b < _SMALLEST_RATIO) | (area_b / area_a < _SMALLEST_RATIO))
        apart = shared / (area_a + area_b - shared) <= 0
    return comparable & ~apart & ~np.isnan(shared)


def _rounded(values: np.ndarray) -> np.ndarray:
    """Whole numbers next to float32 values, halves away from zero."""
    values = values.astype(np.float64)
    return np.copysign(np.floor(np.abs(values) + 0.5), values)


def _parts(height: np.ndarray) -> list[slice]:
    """Cut pairs of regions, which take `height` rows of pixels each, into parts of at most `_ROWS` rows or one pair."""
    total, cuts = np.cumsum(height), [0]
    while cuts[-1] < len(height):
        before = total[cuts[-1] - 1] if cuts[-1] else 0
        cuts.append(max(cuts[-1] + 1, int(np.searchsorted(total, before + _ROWS, side="right"))))
    return [slice(start, end) for start, end in zip(cuts, cuts[1:], strict=False)]


def _count(a: np.ndarray, b: np.ndarray, width: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of pixels that pairs of polygons share, and that one of them has, in masks of the given sizes."""
    starts = np.concatenate([[0], np.cumsum(height)[:-1]])
    pair = np.repeat(np.arange(len(height)), height)
    row = np.arange(len(pair)) - starts[pair]
    last = (width - 1)[pair]
    filled_a, filled_b = (_filled(polygons, pair, row, last) for polygons in (a, b))
    shared = sum(_length(np.maximum(s, t), np.minimum(e, f)) for s, e in filled_a for t, f in filled_b)
    every = sum(_length(start, end) for start, end in (*filled_a, *filled_b)) - shared
    return np.add.reduceat(shared, starts), np.add.reduceat(every, starts)


def _length(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    return np.maximum(end - start + 1, 0)


def _filled(polygons: np.ndarray, pair: np.ndarray, row: np.ndarray, last: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """First and last pixels of the two runs of pixels, at most, that each row of a polygon's mask holds; a run may be empty."""
    places = [_place(polygons, edge, pair, row) for edge in range(4)]
    for i, j in ((0, 1), (2, 3), (0, 2), (1, 3), (1, 2)):  # sorts four numbers
        places[i], places[j] = np.minimum(places[i], places[j]), np.maximum(places[i], places[j])
    p0, p1, p2, p3 = places
    twice = p0 == p1
    thrice = twice & (p1 == p2)
    start, end = np.where(twice, p1, p0), np.where(twice, p2, p1)
    runs = [
        (start, np.where((start < end) & np.isfinite(end), end, -1)),
        (p2, np.where((~twice | thrice) & (p2 < p3) & np.isfinite(p3), p3, -1)),
    ]
    (s0, e0), (s1, e1) = [(np.maximum(s, 0), np.minimum(e, last)) for s, e in runs]
    return [(s0, e0), (np.maximum(s1, np.where(e0 >= s0, e0 + 1, 0)), e1)]  # a pixel where two runs meet counts once


def _place(polygons: np.ndarray, edge: int, pair: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Where an edge crosses each row, truncated; infinite where it does not."""
    (x, y), (before_x, before_y) = polygons[:, edge].T, polygons[:, edge - 1].T
    rise, run, low = before_y - y, before_x - x, np.minimum(y, before_y)
    with np.errstate(divide="ignore", invalid="ignore"):
        place = np.trunc(x[pair] + (row - y[pair]) / rise[pair] * run[pair])
    touches = (row >= low[pair]) & (row <= (low + np.abs(rise))[pair]) & (rise[pair] != 0)
    return np.where(touches, place, np.inf)
