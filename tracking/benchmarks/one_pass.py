"""One-pass evaluation: the tracker starts from the first true box and gets no help later; overlap and distance are averaged.

Sources: Wu et al., TPAMI 2015 (OTB: success over 21 thresholds with `>`, precision at 20 px, all frames) and Huang et
al., TPAMI 2019 (GOT-10k: AO, SR0.5, SR0.75, which leave out the first frame, where the box was given). Frames without
a true box are left out of all scores. A missing prediction (NaN) counts as overlap 0 and as more than 20 px off. A perfect tracker
has success 20/21, because no overlap exceeds the last threshold, 1. Benchmarks with a toolkit of their own have files of their own here,
since which frames count decides the third digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from tracking.benchmarks.benchmark import Scored, TrackedRun, Truth, by_sequence
from tracking.benchmarks.measures.curves import DISTANCES_PX, PRECISE, THRESHOLDS, precision, success
from tracking.benchmarks.measures.figures import mean_of
from tracking.benchmarks.reading.layouts import FilePerSequence, Layout
from tracking.benchmarks.reading.runs import read_runs
from tracking.benchmarks.reading.texts import read_truths
from tracking.benchmarks.reading.writing import write_commas
from tracking.boxes import center_error, iou


@dataclass(frozen=True)
class Scores:
    """Scores of one sequence, or their mean over sequences; all from 0 to 1, higher is better."""

    success: float
    """Area under the success plot: share of frames whose overlap exceeds a threshold, averaged over the thresholds."""
    precision: float
    """Share of frames whose centre is at most 20 px off."""
    ao: float
    """Mean overlap after the first frame."""
    sr50: float
    """Share of frames after the first with overlap above 0.5."""
    sr75: float
    """Share of frames after the first with overlap above 0.75."""


def score(predicted: np.ndarray, truth: np.ndarray) -> Scores:
    """Score the boxes of one sequence.

    Args:
        predicted: Boxes xywh, shape (T, 4); NaN where the tracker gave none.
        truth: Boxes xywh, shape (T, 4); NaN or no area where the target is not annotated.

    Raises:
        ValueError: The shapes differ, or no frame after the first is annotated.
    """
    predicted, truth = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    if predicted.shape != truth.shape or truth.ndim != 2 or truth.shape[1] != 4:
        raise ValueError(f"predicted and true boxes must both have shape (T, 4), got {predicted.shape} and {truth.shape}")
    if not can_score(truth):
        raise ValueError(f"some frame after the first must have a true box, none of {len(truth)} has; score annotated sequences only")
    annotated = _annotated(truth)
    overlap = np.nan_to_num(iou(predicted, truth), nan=0.0)
    after_first = overlap[1:][annotated[1:]]
    return Scores(
        success=float(success(overlap[annotated], annotated.sum()).mean()),
        precision=float(precision(center_error(predicted, truth)[annotated], annotated.sum())[PRECISE]),
        ao=float(after_first.mean()),
        sr50=float((after_first > 0.5).mean()),
        sr75=float((after_first > 0.75).mean()),
    )


def can_score(truth: np.ndarray) -> bool:
    """Whether a frame after the first, where the box is given, has a true box; `truth` holds boxes xywh, shape (T, 4)."""
    return bool(_annotated(truth)[1:].any())


def _annotated(truth: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(truth).all(axis=1) & (truth[:, 2:] > 0).all(axis=1))


def average(scores: Sequence[Scores]) -> Scores:
    """Mean over sequences; every sequence weighs the same, whatever its length.

    Raises:
        ValueError: There is no sequence.
    """
    if not scores:
        raise ValueError("an average needs at least one sequence, got none; check the data set and the results folder")
    return Scores(**{field.name: float(np.mean([getattr(one, field.name) for one in scores])) for field in fields(Scores)})


@dataclass(frozen=True)
class OnePass:
    """The protocol as a benchmark, on one's own folder of sequences; boxes are 0-based."""

    name: str = "one_pass"
    metrics: tuple[str, ...] = tuple(field.name for field in fields(Scores))
    restarts: int | None = None
    repeats: int = 1
    origin: int = 0
    layout: Layout = FilePerSequence()

    def read_annotations(self, path: Path) -> dict[str, Truth]:
        return read_truths(path, _own_folder)

    def read_results(self, folder: Path, truths: Mapping[str, Truth]) -> list[TrackedRun]:
        return read_runs(folder, truths, self.layout, self.name)

    def write_results(self, folder: Path, tracker: str, runs: Sequence[TrackedRun], seconds: Mapping[tuple[str, int], np.ndarray]) -> Path:
        return write_commas(folder, tracker, runs, seconds)

    def score(self, truths: Mapping[str, Truth], runs: Sequence[TrackedRun]) -> Scored:
        groups = by_sequence(truths, runs)
        scores = {name: average([score(run.boxes, truths[name].regions) for run in group]) for name, group in groups.items()}
        parts = {metric: mean_of(np.array([getattr(each, metric) for each in scores.values()])) for metric in self.metrics}
        curves = np.mean(
            [np.mean([_curves(run.boxes, truths[name].regions) for run in group], axis=0) for name, group in groups.items()], axis=0
        )
        return Scored(
            figures={metric: part.value() for metric, part in parts.items()},
            sequences={name: asdict(each) for name, each in scores.items()},
            curves={
                "success": np.stack([THRESHOLDS, curves[: len(THRESHOLDS)]]),
                "precision": np.stack([DISTANCES_PX, curves[len(THRESHOLDS) :]]),
            },
            parts=parts,
        )


def _curves(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The success and the precision curve of a sequence, one after the other."""
    annotated = _annotated(truth)
    overlap, distance = iou(predicted, truth)[annotated], center_error(predicted, truth)[annotated]
    return np.concatenate([success(overlap, annotated.sum()), precision(distance, annotated.sum())])


def _own_folder(root: Path) -> dict[str, Truth]:
    """Sequence folders as `chiptrack data folder` reads them; empty if there is none."""
    from tracking.datasets.folder import load
    from tracking.sequence import find_sequences

    return {each.name: Truth(each.name, each.boxes) for each in load(root).sequences} if any(find_sequences(root)) else {}


ONE_PASS = OnePass()
