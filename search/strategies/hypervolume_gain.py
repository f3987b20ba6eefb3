"""Chooses a batch of architectures to evaluate together, by the hypervolume that the batch is expected to add to that of the front.

Each figure of a candidate is modelled as a Gaussian, with a standard deviation of 0 if it is known. The space between the ideal and the
reference point is filled with quasi-random points. The probability that a candidate will dominate a point is a product of Gaussian
tails, and the expected gain of a batch is the expected share of points that at least one of its members will dominate. The batch is
built greedily, one member after the other. Since the gain is submodular, a greedy batch reaches at least 1 - 1/e (63 %) of the gain of
the best batch.

Worked example: the front leaves three points free. Candidate A will dominate the first two for certain. Candidate B will dominate the
second for certain and the third with probability 0.5. A alone gains 2 points and is chosen first; B then adds only 0.5.

Lineage: expected hypervolume improvement (Emmerich et al., 2006; for batches Daulton et al., 2020), with sampled volume in place of boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import qmc

from search.front.pareto import non_dominated

_LOG2_POINTS = 16
"""Binary logarithm of the number of points that fill the space."""
_MOST_POINTS = 4096
"""Most points for which probabilities are computed."""


@dataclass(frozen=True)
class Beliefs:
    """Expected figures of N architectures; all D figures are to be minimised."""

    mean: np.ndarray
    """(N, D) expected figures."""
    deviation: np.ndarray
    """(N, D) standard deviations; 0 for a figure that is known."""


def best_batch(
    front: np.ndarray, pending: Beliefs, candidates: Beliefs, reference: np.ndarray, count: int, seed: int
) -> tuple[list[int], float]:
    """Choose a batch of candidates greedily: each time the one with the largest expected gain beside those chosen before.

    Args:
        front: (F, D) figures of the architectures that are evaluated; dominated ones do no harm.
        pending: Expected figures of the architectures that are being evaluated; what they are likely to gain does not count again.
        candidates: Expected figures of the architectures that may be chosen.
        reference: (D,) largest figures up to which volume counts.
        count: Size of the batch.
        seed: Seed of the points that fill the space.

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
    """(P,) whether each point of (P, D) is dominated, that is whether some row of `by`, (N, D), exceeds it in no figure."""
    dominated = np.zeros(len(points), bool)
    for row in by:
        dominated |= np.logical_and.reduce([below <= places for below, places in zip(row, points.T, strict=True)])
    return dominated


def _chances(points: np.ndarray, beliefs: Beliefs) -> np.ndarray:
    """(N, P) probability that each of N architectures will dominate each point of (P, D)."""
    chances = np.ones((len(beliefs.mean), len(points)))
    for mean, deviation, places in zip(beliefs.mean.T, beliefs.deviation.T, points.T, strict=True):
        above = places - mean[:, None]
        unsure = deviation > 0
        chances[unsure] *= ndtr(above[unsure] / deviation[unsure, None])
        chances[~unsure] *= above[~unsure] >= 0
    return chances
