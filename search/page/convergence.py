"""How a search progressed: the hypervolume of its front after each evaluation, for each strategy that took part.

Worked example: with two objectives, a candidate halfway between the worst and the best figure in both dominates a quarter of the box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.front.pareto import hypervolumes
from search.front.winner import losses
from search.metrics.metric import Metric
from search.study.candidate import Candidate

_EXACT = 3
"""Most objectives for which hypervolumes are computed exactly. With more they would take too long, and are estimated by sampling."""
_SAMPLES = 4096
"""Random points of an estimate."""


@dataclass(frozen=True)
class Curve:
    """The progress of one strategy."""

    strategy: str
    shares: np.ndarray
    """(N,) share of the box, 0..1, that the strategy's first 1, 2, ..., N evaluations dominate. All strategies share one box, which spans
    the worst and the best figures of the feasible candidates."""


def curves(candidates: Sequence[Candidate], objectives: Sequence[Metric]) -> list[Curve]:
    """Return the progress of each strategy, in the order of the strategies' first candidates.

    Args:
        candidates: All candidates of a study, in the order of their numbers.
        objectives: The metrics that the search optimises.
    """
    points = losses(candidates, objectives)
    usable = np.array([candidate.feasible for candidate in candidates], bool) & np.isfinite(points).all(1)
    if usable.any():
        worst, best = points[usable].max(0), points[usable].min(0)
        points = (points - best) / np.where(worst > best, worst - best, 1)
    points[~usable] = np.inf
    strategies = np.array([candidate.strategy for candidate in candidates])
    share = _volumes if len(objectives) <= _EXACT else _sampled
    return [Curve(name, share(points[strategies == name])) for name in dict.fromkeys(strategies.tolist())]


def _volumes(points: np.ndarray) -> np.ndarray:
    return hypervolumes(points, np.ones(points.shape[1]))


def _sampled(points: np.ndarray) -> np.ndarray:
    """Estimate the shares of `_volumes` to about one percent, as the fraction of random points in the box that are dominated."""
    free = np.random.default_rng(0).random((_SAMPLES, points.shape[1]))
    shares = np.zeros(len(points))
    for i, point in enumerate(points):
        if np.isfinite(point).all():
            free = free[~(point <= free).all(1)]
        shares[i] = 1 - len(free) / _SAMPLES
    return shares
