"""What a benchmark is: truth of sequences, runs of a tracker on them, and a protocol that turns both into figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Protocol

import numpy as np

from tracking.benchmarks.measures.figures import Figure
from tracking.benchmarks.reading.layouts import Layout
from tracking.benchmarks.reading.names import some


class State(IntEnum):
    """What a tracker was doing in a frame."""

    TRACKED = 0
    """It said where the target is."""
    INITIALISED = 1
    """It was given the true region: in the first frame, and at each restart."""
    FAILED = 2
    """Its region did not overlap the true one any more."""
    SKIPPED = 3
    """It was not running: between a failure and the restart."""


@dataclass(frozen=True, eq=False)
class Truth:
    """The annotation of one sequence."""

    name: str
    """Name of the sequence."""
    regions: np.ndarray
    """True regions of T frames: rectangles xywh, shape (T, 4), or polygons of four corners, shape (T, 8), px; in the coordinates that the
    benchmark distributes, so that its first pixel may be 0 or 1. NaN where unknown."""
    absent: np.ndarray | None = None
    """Whether the target is out of sight in each frame, shape (T,), bool; None where nobody said."""
    size: tuple[int, int] | None = None
    """Width and height of the images, px; None if unknown."""
    attributes: frozenset[str] = frozenset()
    """What is difficult about the sequence, in the benchmark's own words."""
    tags: Mapping[str, np.ndarray] = field(default_factory=dict)
    """What is difficult in which frames, by name, each of shape (T,), bool."""


@dataclass(frozen=True, eq=False)
class TrackedRun:
    """What a tracker said on one sequence."""

    sequence: str
    """Name of the sequence."""
    boxes: np.ndarray
    """Regions of T frames: rectangles xywh, shape (T, 4), or polygons, shape (T, 8), in the coordinates of the truth; NaN where there is
    none."""
    states: np.ndarray
    """The `State` of each frame, shape (T,), int8."""
    repeat: int = 1
    """Number of this repetition on the sequence, from 1."""


@dataclass(frozen=True, eq=False)
class Scored:
    """What a benchmark says of one tracker."""

    figures: dict[str, float]
    """The benchmark's metrics over all sequences, by name, in the order of its table."""
    sequences: dict[str, dict[str, float]]
    """Figures of each sequence, by name; a figure that only means something over many sequences is missing."""
    curves: dict[str, np.ndarray] = field(default_factory=dict)
    """Curves that are drawn, by name: two rows, what is varied and what comes of it, shape (2, N)."""
    parts: dict[str, Figure] = field(default_factory=dict)
    """What each sequence adds to each figure, from which intervals follow."""
    attributes: dict[str, float] = field(default_factory=dict)
    """The first of the figures for each attribute: over the sequences that have it, or over the frames."""


class Benchmark(Protocol):
    """One protocol of evaluation, with the files that it reads and writes."""

    @property
    def name(self) -> str:
        """How the benchmark is called on the command line."""
        ...

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the figures, in the order of the table; the first one ranks trackers."""
        ...

    @property
    def restarts(self) -> int | None:
        """Frames from a failure to the restart; None if a tracker is never started again."""
        ...

    @property
    def repeats(self) -> int:
        """How often the protocol runs a tracker that is not deterministic on each sequence."""
        ...

    @property
    def origin(self) -> int:
        """Coordinate of the first pixel in the benchmark's annotations and result files, 0 or 1; scoring shifts nothing."""
        ...

    @property
    def layout(self) -> Layout:
        """How result files are arranged."""
        ...

    def read_annotations(self, path: Path) -> dict[str, Truth]:
        """Read the true regions of all sequences, from the benchmark's own folder, a pysot-style JSON file or a folder of SEQUENCE.txt.

        Raises:
            OSError: Something cannot be read.
            ValueError: What is read is not an annotation of this benchmark.
        """
        ...

    def read_results(self, folder: Path, truths: Mapping[str, Truth]) -> list[TrackedRun]:
        """Read the result files of one tracker.

        Args:
            folder: The tracker's folder, in the layout of the benchmark's own toolkit, or a zip of it.
            truths: The annotations, by name of the sequence.

        Raises:
            OSError: Something cannot be read.
            ValueError: A sequence has no results, or results are not of this benchmark.
        """
        ...

    def write_results(self, folder: Path, tracker: str, runs: Sequence[TrackedRun], seconds: Mapping[tuple[str, int], np.ndarray]) -> Path:
        """Write result files as the benchmark's own toolkit or server takes them.

        Args:
            folder: Where results of trackers lie; made if it is missing.
            tracker: Name of the tracker.
            runs: What it said, on every sequence and in every repetition.
            seconds: Time spent on each frame, shape (T,), by name of the sequence and number of the repetition; what is missing is written
                as zeros where the layout asks for times.

        Returns:
            What is handed in: the tracker's folder, or a zip file.
        """
        ...

    def score(self, truths: Mapping[str, Truth], runs: Sequence[TrackedRun]) -> Scored:
        """Score the runs of one tracker.

        Args:
            truths: The annotations, by name of the sequence.
            runs: Runs on all sequences.

        Raises:
            ValueError: A run does not belong to a sequence, or has too few frames.
        """
        ...


def by_sequence(truths: Mapping[str, Truth], runs: Sequence[TrackedRun]) -> dict[str, list[TrackedRun]]:
    """The runs on each sequence, in the order of the annotations.

    Raises:
        ValueError: There is no sequence, one has no run, or a run belongs to none.
    """
    groups: dict[str, list[TrackedRun]] = {name: [] for name in truths}
    for run in runs:
        if run.sequence not in groups:
            raise ValueError(f"a run must belong to an annotated sequence, {run.sequence!r:.80} is none; check the annotations")
        groups[run.sequence].append(run)
    empty = [name for name, group in groups.items() if not group]
    if empty or not groups:
        raise ValueError(f"every sequence must have a run, {some(empty) or 'there is no sequence'} has none; track it first")
    return groups
