"""Overlap of regions by their exact areas: polygons are clipped against each other (Sutherland and Hodgman, 1974)."""

from __future__ import annotations

import numpy as np

from tracking.regions.corners import corners_of


def area_overlap(a: np.ndarray, b: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
    """Intersection over union of the areas of two regions.

    Args:
        a: Regions, shape (N, 4) or (N, 8).
        b: As many regions.
        size: Width and height of the image, px, outside which nothing counts; None for no limit.

    Returns:
        Shape (N,), from 0 to 1; two regions without area overlap by 0, and NaN stands where a region is unknown.

    Raises:
        ValueError: A polygon is not convex.

    >>> area_overlap(np.array([[10.0, 10, 20, 20]]), np.array([[20.0, 10, 20, 20]])).round(4).tolist()
    [0.3333]
    """
    first, second = _anticlockwise(corners_of(a)), _anticlockwise(corners_of(b))
    if size is not None:
        image = np.broadcast_to(corners_of(np.array([[0.0, 0, *size]])), first.shape)
        first, second = _clipped(first, image), _clipped(second, image)
    shared = _area(_clipped(first, second))
    union = _area(first) + _area(second) - shared
    known = ~(np.isnan(first).any(axis=(1, 2)) | np.isnan(second).any(axis=(1, 2)))
    return np.where(known, np.clip(shared / np.where(union > 0, union, np.inf), 0, 1), np.nan)


def _anticlockwise(corners: np.ndarray) -> np.ndarray:
    """Corners in an order in which the inside lies on one and the same side of every edge."""
    sides = np.roll(corners, -1, axis=1) - corners
    after = np.roll(sides, -1, axis=1)
    turns = sides[..., 0] * after[..., 1] - sides[..., 1] * after[..., 0]
    tolerance = 1e-9 * np.abs(sides).max(axis=(1, 2), initial=0)[:, None] ** 2
    mixed = (turns > tolerance).any(axis=1) & (turns < -tolerance).any(axis=1)
    if mixed.any():
        raise ValueError(f"exact overlaps need convex polygons, {corners[mixed][0].ravel().tolist()} is none; leave out --polygons exact")
    return np.where((turns.sum(axis=1) < 0)[:, None, None], corners[:, ::-1], corners)


def _clipped(polygons: np.ndarray, by: np.ndarray) -> np.ndarray:
    """The parts of polygons (N, M, 2) inside convex ones (N, K, 2); corners that are not needed repeat another one."""
    for edge in range(by.shape[1]):
        start, along = by[:, edge, None], (by[:, (edge + 1) % by.shape[1]] - by[:, edge])[:, None]
        following = np.roll(polygons, -1, axis=1)
        here, there = (along[..., 0] * (each - start)[..., 1] - along[..., 1] * (each - start)[..., 0] for each in (polygons, following))
        share = here / np.where(here == there, 1, here - there)
        crossing = polygons + share[..., None] * (following - polygons)
        both = np.stack([polygons, crossing], axis=2).reshape(len(polygons), 2 * polygons.shape[1], 2)
        keep = np.stack([here >= 0, (here >= 0) != (there >= 0)], axis=2).reshape(both.shape[:2])
        polygons = _kept(both, keep)
    return polygons


def _kept(points: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """The points of each polygon that are kept, in order, filled up with the last of them; all zero where none is."""
    count = np.asarray(keep.sum(axis=1))
    order = np.argsort(~keep, axis=1, kind="stable")[:, : max(int(count.max(initial=0)), 1)]
    index = np.take_along_axis(order, np.minimum(np.arange(order.shape[1]), np.maximum(count - 1, 0)[:, None]), axis=1)
    unknown = np.asarray(np.isnan(points).any(axis=(1, 2)))
    return np.where((count > 0)[:, None, None] | unknown[:, None, None], np.take_along_axis(points, index[..., None], axis=1), 0)


def _area(polygons: np.ndarray) -> np.ndarray:
    shifted = polygons - polygons[:, :1]  # keeps digits where coordinates are large
    x, y = shifted[..., 0], shifted[..., 1]
    return np.abs((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1)) / 2
