"""One-pass evaluation by success, precision and normalised precision, as pysot-toolkit does it for OTB, UAV123, LaSOT and others.

Source: Wu et al., TPAMI 2015; the rules that decide the third digit (which frames are usable, which count as hits) were found out by
running pysot-toolkit in its original form. Rewritten; checked by tests/test_success_precision.py with cases counted by hand.

Worked example: of two frames the first is a hit with overlap 1, the second has a true box at x = 0. That box is not usable for success, a
miss at every threshold (rule S4), so success is 10/21. Its centre is right of 0 and so it counts for precision as any other. Had it been
[0, 0, 0, 0], as some sets mark a target out of sight, its centre would be -0.5 and the frame a hit at every distance, wherever the
tracker was (rule P3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracking.benchmarks.benchmark import Scored, TrackedRun, Truth, by_sequence
from tracking.benchmarks.measures.curves import DISTANCES, DISTANCES_PX, PRECISE, THRESHOLDS, precision, success
from tracking.benchmarks.measures.figures import mean_of
from tracking.benchmarks.reading.layouts import FilePerSequence, Layout
from tracking.benchmarks.reading.runs import read_runs
from tracking.benchmarks.reading.texts import read_truths
from tracking.benchmarks.reading.writing import Writer, write_commas
from tracking.boxes import iou
from tracking.files.progress import say
from tracking.regions.corners import boxes_of

_UNUSABLE = -1.0
"""Overlap and distance of a frame whose truth is not usable: less than every threshold."""
_TINY = 1e-16
"""Added to the size that distances are divided by, so that the centre of a box without size is far away rather than nowhere."""


@dataclass(frozen=True)
class SuccessPrecision:
    """A benchmark that is scored by success and precision."""

    name: str
    """How the benchmark is called."""
    own_folder: Callable[[Path], dict[str, Truth]]
    """Reads the annotations in the benchmark's own folder; empty if it is not arranged so."""
    origin: int = 0
    """Coordinate of the first pixel in annotations and results."""
    drops_absent: bool = False
    """Whether frames without the target are no hits, although they count as frames (rule P4)."""
    cuts_surplus: bool = False
    """Whether a result with more rows than frames is cut rather than refused."""
    writer: Writer = write_commas
    """Writes result files as the benchmark's toolkit or server takes them."""
    area_normalised: bool = False
    """Whether the area under the curve of normalised precision is told as well, as TrackingNet's server does."""
    restarts: int | None = None
    repeats: int = 1
    layout: Layout = FilePerSequence()

    @property
    def metrics(self) -> tuple[str, ...]:
        return ("success", "precision", "normalised_precision", *(("normalised_precision_auc",) if self.area_normalised else ()))

    def read_annotations(self, path: Path) -> dict[str, Truth]:
        truths = read_truths(path, self.own_folder)
        if self.drops_absent and all(truth.absent is None for truth in truths.values()):
            say(
                f"{path}: nothing says in which frames the target is absent, so all count, which raises success by some .001 (absent/SEQUENCE.txt)"
            )
        return truths

    def read_results(self, folder: Path, truths: Mapping[str, Truth]) -> list[TrackedRun]:
        return read_runs(folder, truths, self.layout, self.name, self.cuts_surplus)

    def write_results(self, folder: Path, tracker: str, runs: Sequence[TrackedRun], seconds: Mapping[tuple[str, int], np.ndarray]) -> Path:
        return self.writer(folder, tracker, runs, seconds)

    def score(self, truths: Mapping[str, Truth], runs: Sequence[TrackedRun]) -> Scored:
        groups = by_sequence(truths, runs)
        curves = [np.mean([self._curves(truths[name], run) for run in group], axis=0) for name, group in groups.items()]
        ends = np.cumsum([len(THRESHOLDS), len(DISTANCES_PX)])
        successes, precisions, normalised = np.split(np.stack(curves), ends, axis=1)
        values = {
            "success": successes.mean(axis=1),
            "precision": precisions[:, PRECISE],
            "normalised_precision": normalised[:, PRECISE],
            "normalised_precision_auc": normalised.mean(axis=1),
        }
        parts = {metric: mean_of(values[metric]) for metric in self.metrics}
        attributes = sorted({attribute for name in groups for attribute in truths[name].attributes})
        held = {each: np.array([each in truths[name].attributes for name in groups]) for each in attributes}
        return Scored(
            figures={metric: part.value() for metric, part in parts.items()},
            sequences={name: {metric: float(values[metric][i]) for metric in self.metrics} for i, name in enumerate(groups)},
            curves={
                "success": np.stack([THRESHOLDS, successes.mean(axis=0)]),
                "precision": np.stack([DISTANCES_PX, precisions.mean(axis=0)]),
                "normalised precision": np.stack([DISTANCES, normalised.mean(axis=0)]),
            },
            parts=parts,
            attributes={each: float(values["success"][rows].mean()) for each, rows in held.items()},
        )

    def _curves(self, truth: Truth, run: TrackedRun) -> np.ndarray:
        """The three curves of a run, one after the other."""
        frames, boxes = boxes_of(truth.regions), boxes_of(run.boxes)
        if len(frames) != len(boxes):
            raise ValueError(f"a run must have a box for each frame, {run.sequence} has {len(boxes)} for {len(frames)}; track it again")
        count = len(frames)
        if self.drops_absent and truth.absent is not None:
            frames, boxes = frames[~truth.absent], boxes[~truth.absent]
        overlaps = np.where((frames > 0).all(axis=1), iou(boxes, frames), _UNUSABLE)
        size = frames[:, 2:] + _TINY
        near, relative = _distances(_centres(boxes), _centres(frames)), _distances(_centres(boxes) / size, _centres(frames) / size)
        return np.concatenate([success(overlaps, count), precision(near, count), precision(relative, count, DISTANCES)])


def _centres(boxes: np.ndarray) -> np.ndarray:
    return boxes[:, :2] + (boxes[:, 2:] - 1) / 2


def _distances(centres: np.ndarray, true_centres: np.ndarray) -> np.ndarray:
    """Distances between centres; below every threshold where the true one is not right of and below 0 (rule P3)."""
    usable = (true_centres > 0).all(axis=1)
    return np.where(usable, np.sqrt(((centres - true_centres) ** 2).sum(axis=1)), _UNUSABLE)
