"""Pareto front and hypervolume. Every coordinate is to be minimised; negate what should be large.

Hypervolume: volume between the front and a reference point (Zitzler and Thiele, 1999), by slicing along the last axis.
"""

from __future__ import annotations

import numpy as np


def non_dominated(points: np.ndarray) -> np.ndarray:
    """Find the points that no other point beats: nowhere worse and somewhere better. Equal points stay together.

    Args:
        points: (N, D), to be minimised.

    Returns:
        Indices, ascending.

    >>> non_dominated(np.array([[1, 2], [2, 1], [2, 2]])).tolist()
    [0, 1]
    """
    points = np.asarray(points, float)
    if not len(points):
        return np.empty(0, int)
    no_worse = (points[:, None] <= points[None]).all(-1)
    better = (points[:, None] < points[None]).any(-1)
    return np.flatnonzero(~(no_worse & better).any(0))


def hypervolume(points: np.ndarray, reference: np.ndarray) -> float:
    """Volume of the region that the points dominate up to the reference point.

    Args:
        points: (N, D), to be minimised; those beyond the reference add nothing.
        reference: (D,).

    >>> hypervolume(np.array([[0, 1], [1, 0]]), np.array([2, 2]))
    3.0
    """
    reference = np.asarray(reference, float)
    points = np.asarray(points, float).reshape(-1, len(reference))
    points = points[(points < reference).all(1)]
    points = points[non_dominated(points)]
    if not len(points):
        return 0.0
    if len(reference) == 1:
        return float(reference[0] - points.min())
    points = points[points[:, -1].argsort(kind="stable")]
    edges = np.append(points[:, -1], reference[-1])
    slices = ((edges[i + 1] - edges[i], points[: i + 1, :-1]) for i in range(len(points)) if edges[i + 1] > edges[i])
    return float(sum(height * hypervolume(below, reference[:-1]) for height, below in slices))
