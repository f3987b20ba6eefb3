"""Rank agreement of inherited scores with those of networks trained alone, and how certain it is.

Kendall's tau-b counts pairs of architectures: 1 if both scores put every pair in the same order, 0 if they agree as often as not. Beside
it stands what needs no training: the order by multiply-adds, by parameters and by a zero-cost score. The ceiling is how well two seeds of
the trainings alone agree with each other: since the reference is uncertain itself, no score can be expected to agree with it much better.

Intervals are percentile bootstrap intervals over architectures: they say how much another choice of as many architectures might change
the figure. Differences are taken within each resample, so what both figures share cancels.

Worked example: scores alone 1, 2, 3, 4 and inherited 1, 2, 4, 3. Of six pairs five agree and one does not: tau = (5 - 1) / 6 = .67.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
from scipy.stats import rankdata

from latency_tables.tables.agreement import rank_agreement
from search.fidelity.record import Measured

_RESAMPLES = 1000
_COVERED = (2.5, 97.5)
"""Percentiles between which an interval lies."""
TOP_SHARE = 0.25
"""Share of the architectures that count as the best ones."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval, which covers 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Figures:
    """How truly inherited scores rank."""

    kendall: Estimate
    spearman: Estimate
    macs_kendall: Estimate
    """Kendall tau of the order by multiply-adds, more of them being better."""
    params_kendall: Estimate
    zero_cost_kendall: Estimate
    above_macs: Estimate
    """Kendall tau of inherited scores less that of multiply-adds."""
    ceiling: float | None
    """Mean Kendall tau between the scores of two seeds of the trainings alone; None with one seed."""
    top: int
    """Number of best architectures that are looked for."""
    top_overlap: float
    """Share of the best ones alone that are among as many best inherited ones."""
    architectures: int

    def to_json(self) -> dict:
        """The figures by name."""
        return asdict(self)


def figures(rows: Sequence[Measured], seed: int = 0) -> Figures:
    """Compute all figures.

    Args:
        rows: N architectures, at least 3.
        seed: Seed of the resamples.

    Raises:
        ValueError: There are fewer than 3.
    """
    if len(rows) < 3:
        raise ValueError(f"a rank correlation needs at least 3 architectures, got {len(rows)}; ask for more")
    alone, inherited = (np.array(values) for values in ([row.alone_mean for row in rows], [row.inherited for row in rows]))
    macs, params, zero_cost = (np.array([getattr(row, name) for row in rows], float) for name in ("macs", "params", "zero_cost"))
    rng = np.random.default_rng(seed)
    resamples = rng.integers(len(rows), size=(_RESAMPLES, len(rows)))

    def estimate(figure: Callable[[np.ndarray], np.ndarray]) -> Estimate:
        low, high = np.percentile(figure(resamples), _COVERED)
        return Estimate(float(figure(np.arange(len(rows))[None])[0]), float(low), float(high))

    by_seed = np.array([row.alone for row in rows]).T
    between = [rank_agreement(a, b)["kendall"] for a, b in combinations(by_seed, 2)]
    top = max(1, round(TOP_SHARE * len(rows)))
    best = [set(np.argsort(-scores, kind="stable")[:top].tolist()) for scores in (alone, inherited)]
    return Figures(
        kendall=estimate(lambda drawn: _tau(inherited[drawn], alone[drawn])),
        spearman=estimate(lambda drawn: _spearman(inherited[drawn], alone[drawn])),
        macs_kendall=estimate(lambda drawn: _tau(macs[drawn], alone[drawn])),
        params_kendall=estimate(lambda drawn: _tau(params[drawn], alone[drawn])),
        zero_cost_kendall=estimate(lambda drawn: _tau(zero_cost[drawn], alone[drawn])),
        above_macs=estimate(lambda drawn: _tau(inherited[drawn], alone[drawn]) - _tau(macs[drawn], alone[drawn])),
        ceiling=float(np.mean(between)) if between else None,
        top=top,
        top_overlap=len(best[0] & best[1]) / top,
        architectures=len(rows),
    )


def _tau(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(R,) Kendall's tau-b of R pairs of lists, each (R, N); 0 where all numbers of one list are equal.

    It is written out, since a thousand resamples with scipy's function would take seconds.
    """
    a, b = (np.sign(values[:, :, None] - values[:, None, :]).astype(np.int8) for values in (a, b))
    return _quotient((a * b).sum((1, 2)), np.abs(a).sum((1, 2)) * np.abs(b).sum((1, 2)))


def _spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(R,) Spearman's rank correlations of R pairs of lists, each (R, N): Pearson's of their ranks; 0 where all of one list are equal."""
    a, b = (ranks - ranks.mean(axis=1, keepdims=True) for ranks in (rankdata(values, axis=1) for values in (a, b)))
    return _quotient((a * b).sum(1), (a * a).sum(1) * (b * b).sum(1))


def _quotient(over: np.ndarray, under_squared: np.ndarray) -> np.ndarray:
    """Over / sqrt(under_squared), 0 where that is 0."""
    return np.where(under_squared > 0, over / np.sqrt(np.maximum(under_squared, 1e-12)), 0.0)
