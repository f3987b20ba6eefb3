"""How a search came on: the hypervolume of its front against evaluations, for each strategy that took part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.front.pareto import hypervolumes
from search.front.winner import losses
from search.metrics.metric import Metric
from search.study.candidate import Candidate

_EXACT = 3
"""Objectives up to which volumes are computed; with more, these take too long and are sampled."""
_SAMPLES = 4096


@dataclass(frozen=True)
class Curve:
    """The progress of one strategy."""

    strategy: str
    shares: np.ndarray
    """(N,) share of the box that its first 1..N evaluations dominate, 0..1. All strategies share one box: between the worst and the best
    figures of the feasible candidates."""


def curves(candidates: Sequence[Candidate], objectives: Sequence[Metric]) -> list[Curve]:
    """The progress of each strategy of a study, in the order of their first candidates.

    Args:
        candidates: In the order of their numbers.
        objectives: What the search optimises.
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
    """The same to about one percent: how many of some thousand places in the box are dominated."""
    free = np.random.default_rng(0).random((_SAMPLES, points.shape[1]))
    shares = np.zeros(len(points))
    for i, point in enumerate(points):
        if np.isfinite(point).all():
            free = free[~(point <= free).all(1)]
        shares[i] = 1 - len(free) / _SAMPLES
    return shares
