"""Times of repeated runs, and what they say about one thing that was measured.

A shared machine's speed drifts by tens of percent within minutes. A reference model timed nearby drifts with it, so the ratio
of the two (reference units) repeats within two percent where milliseconds repeat within sixteen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

UNSTEADY = 0.05
"""A measurement is flagged when the reference model's times around it vary by more than this."""


@dataclass(frozen=True)
class Sample:
    """Some runs of one graph in one round."""

    cpu_ms: float
    """Median by the process's CPU clock."""
    wall_ms: float
    """Median by the wall clock."""
    p95_ms: float
    """95th percentile by the clock that ranks."""
    runs: int
    reference_ms: float = float("nan")
    """The reference model before and after these runs, twice each, by the clock that ranks: median."""
    drift: float = 0.0
    """The relative change of the reference model between before and after."""


@dataclass(frozen=True)
class Measurement:
    """Time of one operator or one network on one device."""

    cpu_ms: float
    """Median by the process's CPU clock."""
    wall_ms: float
    """Median by the wall clock."""
    reference_units: float
    """Median of the ranking clock's milliseconds divided by the reference model's."""
    spread: float
    """Interquartile range of the rounds, relative to the median."""
    p95_ms: float
    """95th percentile of the runs."""
    runs: int
    """Number of timed runs, after warm-up."""
    flag: str = ""
    """`unsteady`: the reference varied by more than 5 %; `unresolved`: too small to tell from zero, set to what can be told."""


def summarise(times: Mapping[str, Sequence[float]], clock: str) -> Sample:
    """Reduce the runs of a round.

    Args:
        times: `cpu_ms` and `wall_ms` of every run.
        clock: `cpu` or `wall`, the one that ranks.
    """
    cpu_ms, wall_ms = (float(np.median(times[name])) for name in ("cpu_ms", "wall_ms"))
    return Sample(cpu_ms, wall_ms, float(np.percentile(times[f"{clock}_ms"], 95)), len(times["cpu_ms"]))


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

    units = rounds(lambda s: ranked(s) / s.reference_ms)
    low, middle, high = np.percentile(units, (25, 50, 75))
    longest = max((samples for weight, samples in terms if weight > 0), key=lambda samples: samples[0].cpu_ms)
    excess = float(np.median([s.p95_ms / ranked(s) for s in longest]))
    flags = ["unsteady"] if np.median([s.drift for _, samples in terms for s in samples]) > UNSTEADY else []
    cpu_ms, wall_ms = float(np.median(rounds(lambda s: s.cpu_ms))), float(np.median(rounds(lambda s: s.wall_ms)))
    # a difference of two chains cannot tell less than a thousandth of the longer one
    least_ms = min(ranked(s) for s in longest) / 1000
    least_units = least_ms / float(np.median([s.reference_ms for s in longest]))
    if min(cpu_ms, wall_ms) < least_ms or middle < least_units:
        flags.append("unresolved")
        cpu_ms, wall_ms, middle = max(cpu_ms, least_ms), max(wall_ms, least_ms), max(middle, least_units)
    runs = sum(s.runs for _, samples in terms for s in samples)
    p95_ms = excess * (cpu_ms if clock == "cpu" else wall_ms)
    return Measurement(cpu_ms, wall_ms, float(middle), float((high - low) / middle), p95_ms, runs, "+".join(flags))
