"""What one row of a latency table says of an operator or a network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """Time of one operator or one network on one device."""

    cpu_ms: float
    """Median by the process's CPU clock."""
    wall_ms: float
    """Median by the wall clock."""
    reference_units: float
    """Median over the rounds of `Sample.low_ms` divided by the reference model's."""
    low_units: float
    """Lower end of the 90 % bootstrap interval of `reference_units` over the rounds."""
    high_units: float
    """Upper end."""
    spread: float
    """Interquartile range of the rounds, relative to the median."""
    p05_ms: float
    """5th percentile of the runs by the clock that ranks; of an operator, as much below the median as in its longest chain."""
    p25_ms: float
    """25th percentile."""
    p75_ms: float
    """75th percentile."""
    p95_ms: float
    """95th percentile."""
    runs: int
    """Number of timed runs, after warm-up."""
    memory_mb: float | None = None
    """Growth of the peak memory of a process that loads and runs it alone; None for operators, and where it was not measured."""
    energy_mj: float | None = None
    """Millijoules of one run, with all that the meter saw meanwhile; None for operators, and where the device has no meter."""
    flag: str = ""
    """Words joined by `+`. `unsteady`: the reference varied by more than 5 %, and still did when measured again; `unresolved`: too
    small to tell from zero, set to what can be told; `simulated` and `imported`: not measured here;
    `without_PART`: a foreign table had nothing for this part."""
