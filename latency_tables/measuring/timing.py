"""Reduces the times of repeated runs to samples, and the samples of all rounds to a measurement.

The speed of a shared machine drifts by tens of percent within minutes. A reference model that is timed close by drifts alike, so the
ratio of the two times, in reference units, repeats within two percent where milliseconds repeat within sixteen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from latency_tables.tables.measurement import Measurement

UNSTEADY = 0.05
"""A sample is unsteady if the reference model's time changes by more than this share around it (`Sample.drift`)."""
QUANTILES = (0.05, 0.25, 0.75, 0.95)
"""Quantiles of the runs that a sample keeps besides the median."""
LOW = 0.1
"""Quantile of the runs that is compared with the same quantile of the reference model.

A busy neighbour can only slow a run, so a low quantile repeats better than the median (between sessions on a shared machine: 1.2 %
against 1.7 %)."""
_RESAMPLES = 400
"""Number of bootstrap samples for an interval."""


@dataclass(frozen=True)
class Sample:
    """The runs of one model in one round."""

    cpu_ms: float
    """Median of the runs in milliseconds, by the process's CPU clock."""
    wall_ms: float
    """Median of the runs in milliseconds, by the wall clock."""
    low_ms: float
    """The quantile `LOW` of the runs in milliseconds, by the clock that ranks (`Profile.clock`)."""
    quantiles: tuple[float, ...]
    """The `QUANTILES` of the runs in milliseconds, by the clock that ranks."""
    runs: int
    """Number of runs."""
    reference_ms: float = float("nan")
    """Median of the reference model's `low_ms` in up to two timings before these runs and up to two after them."""
    drift: float = 0.0
    """Relative change of the reference model's time from before these runs to after them; see `protocol.samples`."""


def summarise(times: Mapping[str, Sequence[float]], clock: str) -> Sample:
    """The sample that the runs of one model in one round make, without the reference model's time.

    Args:
        times: `cpu_ms` and `wall_ms`, the milliseconds of every run by either clock.
        clock: Clock that ranks: `cpu` or `wall`.
    """
    cpu_ms, wall_ms = (float(np.median(times[name])) for name in ("cpu_ms", "wall_ms"))
    quantiles = tuple(float(q) for q in np.quantile(times[f"{clock}_ms"], QUANTILES))
    return Sample(cpu_ms, wall_ms, float(np.quantile(times[f"{clock}_ms"], LOW)), quantiles, len(times["cpu_ms"]))


def combine(terms: Sequence[tuple[float, Sequence[Sample]]], clock: str) -> Measurement:
    """The measurement of a weighted sum of models: one network with weight 1, or an operator as a weighted sum of chains.

    In each round the weighted sum is formed, and the median over the rounds is taken. Example: a chain of three takes 1.3, 1.5 and
    1.4 ms in three rounds, a single copy 0.5, 0.5 and 0.6 ms. With the weights 1/2 and -1/2 the sums are 0.4, 0.5 and 0.4 ms, and the
    operator takes 0.4 ms. Reference units are formed in the same way.

    Args:
        terms: For each model its weight and its samples, one sample for each round in the same order.
        clock: Clock that ranks: `cpu` or `wall`.
    """
    weights = np.array([weight for weight, _ in terms])

    def rounds(value) -> np.ndarray:
        """The weighted sum of a value of the samples, for each round."""
        return weights @ np.array([[value(sample) for sample in samples] for _, samples in terms])

    def ranked(sample: Sample) -> float:
        """The sample's median by the clock that ranks."""
        return sample.cpu_ms if clock == "cpu" else sample.wall_ms

    units = rounds(lambda s: s.low_ms / s.reference_ms)
    low, middle, high = np.percentile(units, (25, 50, 75))
    drawn = np.random.default_rng(0).choice(units, (_RESAMPLES, len(units)))
    low_units, high_units = (float(end) for end in np.percentile(np.median(drawn, axis=1), (5, 95)))
    longest = max((samples for weight, samples in terms if weight > 0), key=lambda samples: samples[0].cpu_ms)
    relative = np.median([np.array(s.quantiles) / ranked(s) for s in longest], axis=0)
    flags = ["unsteady"] if np.median([s.drift for _, samples in terms for s in samples]) > UNSTEADY else []
    cpu_ms, wall_ms = float(np.median(rounds(lambda s: s.cpu_ms))), float(np.median(rounds(lambda s: s.wall_ms)))
    # a difference of chains cannot resolve less than a thousandth of the longest one's time
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
