"""VOT without restarts: the mean overlap of a tracker that is started once on each sequence.

Source: vot-toolkit 0.9, experiment `unsupervised` with the analysis `average_accuracy`: the mean overlap of each sequence without the first
ten frames, weighted by its number of frames. Rewritten; checked by tests/test_vot.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracking.benchmarks.benchmark import Scored, State, TrackedRun, Truth, by_sequence
from tracking.benchmarks.measures.figures import Figure
from tracking.benchmarks.reading.layouts import FolderPerSequence, Layout
from tracking.benchmarks.vot.annotations import read_vot_annotations
from tracking.benchmarks.vot.overlaps import overlaps_of
from tracking.benchmarks.vot.results import read_vot_results, write_vot_results
from tracking.benchmarks.vot.supervised import BURN_IN


@dataclass(frozen=True)
class Unsupervised:
    """The experiment without restarts, on the sequences of any year."""

    name: str = "vot_unsupervised"
    exact: bool = False
    """Whether overlaps are ratios of exact areas rather than of the toolkit's pixels."""
    metrics: tuple[str, ...] = ("accuracy",)
    restarts: int | None = None
    repeats: int = 1
    origin: int = 0
    layout: Layout = FolderPerSequence("unsupervised")

    def read_annotations(self, path: Path) -> dict[str, Truth]:
        return read_vot_annotations(path)

    def read_results(self, folder: Path, truths: Mapping[str, Truth]) -> list[TrackedRun]:
        runs = read_vot_results(folder, truths, self.layout, self.name)
        for run in runs:
            if (run.states == State.FAILED).any():
                raise ValueError(
                    f"results without restarts must hold no failures, {run.sequence} in {folder} does; try --benchmark vot2019"
                )
        return runs

    def write_results(self, folder: Path, tracker: str, runs: Sequence[TrackedRun], seconds: Mapping[tuple[str, int], np.ndarray]) -> Path:
        return write_vot_results(folder / tracker, "unsupervised", runs, seconds)

    def score(self, truths: Mapping[str, Truth], runs: Sequence[TrackedRun]) -> Scored:
        groups = by_sequence(truths, runs)
        means = {}
        for name, group in groups.items():
            kept = np.concatenate([overlaps_of(truths[name], run, self.exact).outer[BURN_IN:] for run in group])
            kept = kept[~np.isnan(kept)]
            means[name] = float(kept.mean()) if len(kept) else float("nan")
        values = np.array(list(means.values()))
        frames = np.array([len(truths[name].regions) for name in means], np.float64)
        known = np.isfinite(values)
        figure = Figure(np.where(known, values * frames, 0)[:, None], (known * frames)[:, None])
        return Scored(
            figures={"accuracy": figure.value()},
            sequences={name: {"accuracy": mean} for name, mean in means.items()},
            parts={"accuracy": figure},
        )


VOT_UNSUPERVISED = Unsupervised()
