"""Which architectures to evaluate together: by the volume that they are expected to add to what the front dominates.

Every figure of a candidate is a Gaussian, with deviation 0 where it is known. Space between the ideal and the reference is filled
with points; the chance that a candidate comes to dominate a point is a product of Gaussian tails, and the expected gain of a batch
the share of points that at least one of its members comes to dominate. Taking the best member time after time is within
1 - 1/e of the best batch, since the gain is submodular.

Lineage: expected hypervolume improvement (Emmerich et al., 2006; for batches Daulton et al., 2020), with sampled volume in place of boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import qmc

from search.front.pareto import non_dominated

_LOG2_POINTS = 16
_MOST_POINTS = 4096


@dataclass(frozen=True)
class Beliefs:
    """What is expected of N architectures, all figures to be minimised."""

    mean: np.ndarray
    """(N, D)."""
    deviation: np.ndarray
    """(N, D), 0 where a figure is known."""


def best_batch(
    front: np.ndarray, pending: Beliefs, candidates: Beliefs, reference: np.ndarray, count: int, seed: int
) -> tuple[list[int], float]:
    """Choose candidates one after the other.

    Args:
        front: (F, D) figures that have been found.
        pending: What is being evaluated already.
        candidates: What may be chosen.
        reference: (D,) up to which volume counts.
        count: Size of the batch.
        seed: Of the points that fill space.

    Returns:
        Indices of at most `count` candidates, best first, and their expected gain relative to the volume that the front dominates.
    """
    hoped = np.concatenate([front, pending.mean - 3 * pending.deviation, candidates.mean - 3 * candidates.deviation])
    ideal = hoped.min(axis=0)
    points = ideal + (reference - ideal) * qmc.Sobol(len(reference), rng=np.random.default_rng(seed)).random_base2(_LOG2_POINTS)
    covered = _dominated(points, front[non_dominated(front)])
    free = points[~covered]
    within_reach = free[_dominated(free, hoped[non_dominated(hoped)])]
    points = within_reach[:_MOST_POINTS]
    chances = _chances(points, candidates)
    open_to_gain = (1 - _chances(points, pending)).prod(axis=0)
    chosen: list[int] = []
    gained = 0.0
    while len(chosen) < min(count, len(candidates.mean)):
        gains = chances @ open_to_gain
        gains[chosen] = -1.0
        one = int(gains.argmax())
        chosen.append(one)
        gained += gains[one]
        open_to_gain *= 1 - chances[one]
    return chosen, float(gained * len(within_reach) / max(1, len(points)) / max(1, covered.sum()))


def _dominated(points: np.ndarray, by: np.ndarray) -> np.ndarray:
    """(P,) whether some row of (N, D) is nowhere above a point of (P, D)."""
    dominated = np.zeros(len(points), bool)
    for row in by:
        dominated |= np.logical_and.reduce([below <= places for below, places in zip(row, points.T, strict=True)])
    return dominated


def _chances(points: np.ndarray, beliefs: Beliefs) -> np.ndarray:
    """(N, P) how likely each of N architectures turns out to dominate each point of (P, D)."""
    chances = np.ones((len(beliefs.mean), len(points)))
    for mean, deviation, places in zip(beliefs.mean.T, beliefs.deviation.T, points.T, strict=True):
        above = places - mean[:, None]
        unsure = deviation > 0
        chances[unsure] *= ndtr(above[unsure] / deviation[unsure, None])
        chances[~unsure] *= above[~unsure] >= 0
    return chances
