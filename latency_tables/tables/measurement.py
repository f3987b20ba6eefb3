"""One row of a latency table: the measured figures of an operator, or of one branch of a network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """Latency of one operator, or of one branch of a network, on one device; memory and energy of networks.

    The figures of an operator are weighted sums over the chains that it was timed in; see `measuring/chains.py`.
    """

    cpu_ms: float
    """Milliseconds of a run by the process's CPU clock: the median over the rounds of each round's median."""
    wall_ms: float
    """Milliseconds of a run by the wall clock: the median over the rounds of each round's median."""
    reference_units: float
    """Latency as a multiple of the reference model's: the median over the rounds of `Sample.low_ms` / `Sample.reference_ms`.

    Milliseconds at the device's usual speed are `reference_units` times `LatencyTable.reference_ms`."""
    low_units: float
    """Lower end of the 90 % bootstrap interval of `reference_units` over the rounds."""
    high_units: float
    """Upper end of the 90 % bootstrap interval of `reference_units` over the rounds."""
    spread: float
    """Interquartile range of the reference units of the rounds, divided by their median."""
    p05_ms: float
    """5th percentile of the runs in milliseconds, by the clock that ranks (`Profile.clock`).

    No single run of an operator is timed, so its percentiles are estimated: if the 5th percentile of its longest chain is 0.9 times
    that chain's median, the operator's is 0.9 times its own median."""
    p25_ms: float
    """25th percentile of the runs in milliseconds; see `p05_ms`."""
    p75_ms: float
    """75th percentile of the runs in milliseconds; see `p05_ms`."""
    p95_ms: float
    """95th percentile of the runs in milliseconds; see `p05_ms`."""
    runs: int
    """Number of timed runs, after warm-up."""
    memory_mb: float | None = None
    """Megabytes by which the peak memory of a process grows when it loads and runs the network alone; None for operators, and where
    memory was not measured."""
    energy_mj: float | None = None
    """Millijoules of one run of the network, including what else the meter saw in that time; None for operators, and where energy
    was not measured."""
    flag: str = ""
    """Words joined by `+`; empty for a row without reservations.

    `unsteady`: the reference model's time drifted by more than 5 % around the samples, in the median and after the unsteadiest
    samples had been taken again.
    `unresolved`: the operator's latency was too small to tell from zero, and was set to the smallest value that the measurement can
    resolve. `simulated`, `imported`: not measured here. `without_PART`: a foreign table had no row for this part of the operator."""
