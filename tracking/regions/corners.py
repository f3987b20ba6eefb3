"""The corners of a region: a rectangle has them too, so that everything that follows knows polygons alone."""

from __future__ import annotations

import numpy as np


def corners_of(regions: np.ndarray) -> np.ndarray:
    """Corners of regions in the order of their outline.

    Args:
        regions: Rectangles xywh, shape (N, 4), or polygons, shape (N, 8), of which a row that ends in four NaN is a rectangle.

    Returns:
        x and y of each corner, shape (N, 4, 2); NaN where the region is unknown.

    Raises:
        ValueError: The shape is another one.

    >>> corners_of(np.array([[1.0, 2, 10, 20]]))[0].tolist()
    [[1.0, 2.0], [11.0, 2.0], [11.0, 22.0], [1.0, 22.0]]
    """
    regions = np.asarray(regions, np.float64)
    if regions.ndim != 2 or regions.shape[1] not in (4, 8):
        raise ValueError(f"regions must be rectangles (N, 4) or polygons (N, 8), got shape {regions.shape}")
    x, y, width, height = regions[:, :4].T
    upright = np.stack([x, y, x + width, y, x + width, y + height, x, y + height], axis=1)
    if regions.shape[1] == 4:
        return upright.reshape(-1, 4, 2)
    return np.where(np.isnan(regions[:, 4:]).all(axis=1, keepdims=True), upright, regions).reshape(-1, 4, 2)


def boxes_of(regions: np.ndarray) -> np.ndarray:
    """The upright boxes xywh that regions just fit in, shape (N, 4)."""
    corners = corners_of(regions)
    low, high = corners.min(axis=1), corners.max(axis=1)
    return np.concatenate([low, high - low], axis=1)
