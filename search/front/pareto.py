"""Pareto front and hypervolume of points. Every coordinate is to be minimised; negate those that should be large.

The hypervolume is the volume between the front and a reference point (Zitzler and Thiele, 1999), computed by slicing along the last axis.
"""

from __future__ import annotations

import numpy as np

_BLOCK = 256
"""Number of points that are compared with a front at once; it bounds memory."""


def non_dominated(points: np.ndarray) -> np.ndarray:
    """Find the points that no other point dominates, i.e. is nowhere worse and somewhere better. Equal points stay together.

    Args:
        points: (N, D), to be minimised.

    Returns:
        Indices of these points, ascending.

    >>> non_dominated(np.array([[1, 2], [2, 1], [2, 2]])).tolist()
    [0, 1]
    """
    points = np.asarray(points, float)
    if not len(points):
        return np.empty(0, int)
    order = np.lexsort(points.T[::-1])  # a point that dominates another comes before it
    ranked = points[order]
    new = np.append(True, (ranked[1:] != ranked[:-1]).any(1))
    kept = _kept(ranked[new])
    return np.sort(order[kept[new.cumsum() - 1]])


def _kept(points: np.ndarray) -> np.ndarray:
    """(N,) whether each of N different points, in lexicographic order, is dominated by none."""
    kept = np.zeros(len(points), bool)
    if points.shape[1] <= 2:
        last = points[:, -1]
        kept[0] = True
        if points.shape[1] == 2:
            kept[1:] = last[1:] < np.minimum.accumulate(last)[:-1]
        return kept
    front = points[:0]
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        open_ = np.flatnonzero(~_beaten(block, front))
        among = block[open_]
        itself = np.eye(len(among), dtype=bool)
        left = ~(no_worse(among, among) & ~itself).any(0)
        kept[start + open_[left]] = True
        front = np.concatenate([front, among[left]])
    return kept


def _beaten(points: np.ndarray, front: np.ndarray) -> np.ndarray:
    """(N,) for each of N points, whether some point of a front is nowhere worse."""
    return np.any(no_worse(front, points), axis=0)


def no_worse(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(A, B) whether each of A points is nowhere worse than each of B points."""
    found = a[:, None, 0] <= b[None, :, 0]
    for axis in range(1, a.shape[1]):
        found &= a[:, None, axis] <= b[None, :, axis]
    return found


def hypervolume(points: np.ndarray, reference: np.ndarray) -> float:
    """Volume of the region that the points dominate up to the reference point.

    Args:
        points: (N, D), to be minimised; those that are not below the reference everywhere add nothing.
        reference: (D,) the reference point.

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
    if len(reference) == 2:  # a staircase: every step lies left of those below
        return float(((edges[1:] - edges[:-1]) * (reference[0] - points[:, 0])).sum())
    slices = ((edges[i + 1] - edges[i], points[: i + 1, :-1]) for i in range(len(points)) if edges[i + 1] > edges[i])
    return float(sum(height * hypervolume(below, reference[:-1]) for height, below in slices))


def hypervolumes(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Compute the hypervolume of the first point, the first two, and so on: the progress of a search.

    Args:
        points: (N, D), to be minimised.
        reference: (D,) the reference point.

    Returns:
        (N,) hypervolumes, never falling.

    >>> hypervolumes(np.array([[0, 1], [1, 1], [1, 0]]), np.array([2, 2])).tolist()
    [2.0, 2.0, 3.0]
    """
    points, reference = np.asarray(points, float), np.asarray(reference, float)
    grown = np.zeros(len(points))
    front = points[:0]
    for i in np.flatnonzero((points < reference).all(1)):
        point = points[i]
        if (front <= point).all(1).any():
            continue
        shared = hypervolume(np.maximum(front, point), reference)
        grown[i] = np.prod(reference - point) - shared
        front = np.concatenate([front[~(point <= front).all(1)], point[None]])
    return grown.cumsum()
