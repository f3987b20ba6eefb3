"""One tracker in the table of `score`."""

from __future__ import annotations

from dataclasses import dataclass

from tracking.benchmarks.benchmark import Scored


@dataclass(frozen=True, eq=False)
class Row:
    """One tracker of the table."""

    tracker: str
    """Its name, that of the folder of its results."""
    scored: Scored
    """What the benchmark says of it."""
    intervals: dict[str, tuple[float, float]]
    """Where each figure lies for other sequences of the same kind, nineteen times in twenty."""
