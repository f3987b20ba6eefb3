"""The VOT challenges with restarts: accuracy, robustness and expected average overlap (EAO).

Source: Kristan et al., VOT2018 and VOT2019 challenge results; the rules that decide the third digit were found out by running pysot-
toolkit. Rewritten; checked by tests/test_vot.py with cases counted by hand, and with the toolkit's figures of public results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracking.benchmarks.benchmark import Scored, State, TrackedRun, Truth, by_sequence
from tracking.benchmarks.measures.figures import Figure, sum_of
from tracking.benchmarks.reading.layouts import FolderPerSequence, Layout
from tracking.benchmarks.vot.annotations import read_vot_annotations
from tracking.benchmarks.vot.fragments import SKIP, expected_overlap
from tracking.benchmarks.vot.overlaps import overlaps_of
from tracking.benchmarks.vot.results import read_vot_results, write_vot_results

BURN_IN = 10
"""Frames after a start, with the start's own, whose overlap does not count for accuracy, since the true region is still fresh (rule V5)."""


@dataclass(frozen=True)
class Supervised:
    """A year of the VOT challenge."""

    name: str
    """How the benchmark is called."""
    low: int
    """Least length of the expected average overlap, frames."""
    high: int
    """Largest length of the expected average overlap, frames."""
    exact: bool = False
    """Whether overlaps are ratios of exact areas rather than of the toolkit's pixels."""
    metrics: tuple[str, ...] = ("eao", "accuracy", "robustness", "lost")
    restarts: int | None = SKIP
    repeats: int = 15
    origin: int = 0
    layout: Layout = FolderPerSequence("baseline")

    def read_annotations(self, path: Path) -> dict[str, Truth]:
        return read_vot_annotations(path)

    def read_results(self, folder: Path, truths: Mapping[str, Truth]) -> list[TrackedRun]:
        runs = read_vot_results(folder, truths, self.layout, self.name)
        for run in runs:
            if run.states[0] != State.INITIALISED:
                raise ValueError(
                    f"a run with restarts must begin with the state 1 alone, {run.sequence} in {folder} does not; see --benchmark"
                )
        return runs

    def write_results(self, folder: Path, tracker: str, runs: Sequence[TrackedRun], seconds: Mapping[tuple[str, int], np.ndarray]) -> Path:
        return write_vot_results(folder / tracker, "baseline", runs, seconds)

    def score(self, truths: Mapping[str, Truth], runs: Sequence[TrackedRun]) -> Scored:
        groups = by_sequence(truths, runs)
        overlaps = {name: [overlaps_of(truths[name], run, self.exact) for run in group] for name, group in groups.items()}
        length = max(len(each.inner) for group in overlaps.values() for each in group)
        accuracy = np.array([_accuracy(groups[name], [each.outer for each in overlaps[name]]) for name in groups])
        frames = np.array([min(len(each.outer) for each in overlaps[name]) for name in groups], np.float64)[:, None]
        failures = np.array([np.mean([(run.states == State.FAILED).sum() for run in group]) for group in groups.values()])
        tags = sorted({tag for name in groups for tag in truths[name].tags})
        expected = {tag: self._expected(truths, groups, overlaps, tag, length) for tag in ("", *tags)}
        figures = {
            "eao": _window(expected[""], self.low, self.high),
            "accuracy": Figure(accuracy[:, :1], accuracy[:, 1:]),
            "robustness": Figure(100 * failures[:, None], frames),
            "lost": sum_of(failures),
        }
        curve = expected[""].curve()
        curve[0] = 1  # by definition
        return Scored(
            figures={name: figure.value() for name, figure in figures.items()},
            sequences={
                name: {"accuracy": float(a / n) if n else float("nan"), "robustness": float(100 * lost / length), "lost": float(lost)}
                for name, (a, n), lost, length in zip(groups, accuracy, failures, frames[:, 0], strict=True)
            },
            curves={"expected overlap": np.stack([np.arange(length), curve])},
            parts=figures,
            attributes={tag: _window(expected[tag], self.low, self.high).value() for tag in tags},
        )

    def _expected(self, truths: Mapping[str, Truth], groups: Mapping, overlaps: Mapping, tag: str, length: int) -> Figure:
        """The curve of expected overlaps, of all frames or of those with an attribute."""
        sums = []
        for name, group in groups.items():
            frames = len(truths[name].regions)
            marked = truths[name].tags.get(tag, np.zeros(frames, bool)) if tag else None
            each = [(overlap.inner, run.states) for overlap, run in zip(overlaps[name], group, strict=True)]
            sums.append(expected_overlap(each, frames, marked, length))
        return Figure(*(np.array(part) for part in zip(*sums, strict=True)))


def _window(curve: Figure, low: int, high: int) -> Figure:
    """The part of a curve whose mean is the expected average overlap: index low-1 to high-1, both included (rule V1)."""
    return Figure(curve.numerators[:, low - 1 : high], curve.denominators[:, low - 1 : high])


def _accuracy(runs: Sequence[TrackedRun], overlaps: Sequence[np.ndarray]) -> tuple[float, float]:
    """Sum of the overlaps of a sequence's frames, each a mean over repetitions, and the number of frames with one (rule V5)."""
    length = min(map(len, overlaps))
    kept = np.stack(
        [np.where(_burnt_in(run.states[:length]), np.nan, overlap[:length]) for run, overlap in zip(runs, overlaps, strict=True)]
    )
    known = ~np.isnan(kept)
    counts = known.sum(axis=0)
    means = np.where(known, kept, 0).sum(axis=0) / np.maximum(counts, 1)
    return float(means.sum()), float((counts > 0).sum())


def _burnt_in(states: np.ndarray) -> np.ndarray:
    """The frames of a start and the next ones, up to `BURN_IN`."""
    starts = np.flatnonzero(states == State.INITIALISED)
    marked = np.zeros(len(states), bool)
    for start in starts:
        marked[start : start + BURN_IN] = True
    return marked
