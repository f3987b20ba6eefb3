"""Times of repeated runs, and what they say about one thing that was measured.

A shared machine's speed drifts by tens of percent within minutes. A reference model timed nearby drifts with it, so the ratio
of the two (reference units) repeats within two percent where milliseconds repeat within sixteen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from latency_tables.tables.measurement import Measurement

UNSTEADY = 0.05
"""A sample is unsteady when the reference model's times around it vary by more than this."""
QUANTILES = (0.05, 0.25, 0.75, 0.95)
LOW = 0.1
"""Quantile of the runs that is compared with the reference's: a busy neighbour only ever slows a run, so it repeats better than the
median (between sessions on a shared machine: 1.2 % against 1.7 %)."""
_RESAMPLES = 400


@dataclass(frozen=True)
class Sample:
    """Some runs of one graph in one round."""

    cpu_ms: float
    """Median by the process's CPU clock."""
    wall_ms: float
    """Median by the wall clock."""
    low_ms: float
    """The quantile `LOW` by the clock that ranks."""
    quantiles: tuple[float, ...]
    """Of the runs by the clock that ranks, at `QUANTILES`; milliseconds."""
    runs: int
    reference_ms: float = float("nan")
    """`low_ms` of the reference model before and after these runs, twice each: median."""
    drift: float = 0.0
    """The relative change of the reference model between before and after."""


def summarise(times: Mapping[str, Sequence[float]], clock: str) -> Sample:
    """Reduce the runs of a round.

    Args:
        times: `cpu_ms` and `wall_ms` of every run.
        clock: `cpu` or `wall`, the one that ranks.
    """
    cpu_ms, wall_ms = (float(np.median(times[name])) for name in ("cpu_ms", "wall_ms"))
    quantiles = tuple(float(q) for q in np.quantile(times[f"{clock}_ms"], QUANTILES))
    return Sample(cpu_ms, wall_ms, float(np.quantile(times[f"{clock}_ms"], LOW)), quantiles, len(times["cpu_ms"]))


def combine(terms: Sequence[tuple[float, Sequence[Sample]]], clock: str) -> Measurement:
    """Measure a weighted sum of graphs: one graph with weight 1, or an operator as the difference of chains.

    Args:
        terms: A weight and the samples of one graph, one sample for each round.
        clock: `cpu` or `wall`, the one that ranks.
    """
    weights = np.array([weight for weight, _ in terms])

    def rounds(value) -> np.ndarray:
        return weights @ np.array([[value(sample) for sample in samples] for _, samples in terms])

    def ranked(sample: Sample) -> float:
        return sample.cpu_ms if clock == "cpu" else sample.wall_ms

    units = rounds(lambda s: s.low_ms / s.reference_ms)
    low, middle, high = np.percentile(units, (25, 50, 75))
    drawn = np.random.default_rng(0).choice(units, (_RESAMPLES, len(units)))
    low_units, high_units = (float(end) for end in np.percentile(np.median(drawn, axis=1), (5, 95)))
    longest = max((samples for weight, samples in terms if weight > 0), key=lambda samples: samples[0].cpu_ms)
    relative = np.median([np.array(s.quantiles) / ranked(s) for s in longest], axis=0)
    flags = ["unsteady"] if np.median([s.drift for _, samples in terms for s in samples]) > UNSTEADY else []
    cpu_ms, wall_ms = float(np.median(rounds(lambda s: s.cpu_ms))), float(np.median(rounds(lambda s: s.wall_ms)))
    # a difference of two chains cannot tell less than a thousandth of the longer one
    least_ms = min(s.low_ms for s in longest) / 1000
    least_units = least_ms / float(np.median([s.reference_ms for s in longest]))
    if min(cpu_ms, wall_ms) < least_ms or middle < least_units:
        flags.append("unresolved")
        cpu_ms, wall_ms, middle = max(cpu_ms, least_ms), max(wall_ms, least_ms), max(middle, least_units)
    low_units, high_units = max(low_units, least_units), max(high_units, least_units)
    runs = sum(s.runs for _, samples in terms for s in samples)
    p05, p25, p75, p95 = (float(q) for q in relative * (cpu_ms if clock == "cpu" else wall_ms))
    spread = float((high - low) / middle)
    units = (float(middle), low_units, high_units)
    return Measurement(cpu_ms, wall_ms, *units, spread, p05, p25, p75, p95, runs, flag="+".join(flags))
