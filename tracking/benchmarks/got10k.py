"""GOT-10k: average overlap (AO) and success rates on 10 seconds of each of many videos.

Source: Huang, Zhao, Huang, GOT-10k, TPAMI 2019, and the got10k toolkit, whose rules these are: the first frame counts nowhere, nor do
frames in which the target is covered wholly; boxes are bounded by the image before they are compared; overlaps of all frames, sequences
and repetitions are taken together; a success must exceed .5 or .75. Unlike there, a box that is missing (NaN) is an overlap of 0, where
the toolkit's AO becomes NaN.

Worked example: of five frames, always [10, 10, 20, 20], the last four are found with overlaps 1, .5, .75 and 0. AO is 2.25/4 = .5625,
SR.50 2/4 and SR.75 1/4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracking.benchmarks.benchmark import Scored, TrackedRun, Truth, by_sequence
from tracking.benchmarks.measures.figures import Figure
from tracking.benchmarks.reading.layouts import FolderPerSequence, Layout
from tracking.benchmarks.reading.runs import read_runs
from tracking.benchmarks.reading.texts import read_flags, read_numbers, read_regions, read_truths, sequence_folders
from tracking.benchmarks.reading.writing import write_got10k
from tracking.boxes import iou
from tracking.files.progress import say
from tracking.files.records import read_bytes
from tracking.regions.corners import boxes_of

RATES = {"sr50": 0.5, "sr75": 0.75}
"""Overlaps that a success must exceed."""


@dataclass(frozen=True)
class GOT10k:
    """The protocol of GOT-10k."""

    name: str = "got10k"
    metrics: tuple[str, ...] = ("ao", *RATES)
    restarts: int | None = None
    repeats: int = 3
    origin: int = 0
    layout: Layout = FolderPerSequence()

    def read_annotations(self, path: Path) -> dict[str, Truth]:
        truths = read_truths(path, _own_folder)
        if any(truth.size is None for truth in truths.values()):
            say(f"{path}: sizes of images are not known (meta_info.ini), so boxes are not bounded by them; the third digit may differ")
        return truths

    def read_results(self, folder: Path, truths: Mapping[str, Truth]) -> list[TrackedRun]:
        return read_runs(folder, truths, self.layout, self.name)

    def write_results(self, folder: Path, tracker: str, runs: Sequence[TrackedRun], seconds: Mapping[tuple[str, int], np.ndarray]) -> Path:
        return write_got10k(folder, tracker, runs, seconds)

    def score(self, truths: Mapping[str, Truth], runs: Sequence[TrackedRun]) -> Scored:
        groups = by_sequence(truths, runs)
        overlaps = {name: np.concatenate([_overlaps(truths[name], run) for run in group]) for name, group in groups.items()}
        count = np.array([[len(each)] for each in overlaps.values()], np.float64)
        sums = {"ao": [each.sum() for each in overlaps.values()]}
        sums |= {rate: [(each > least).sum() for each in overlaps.values()] for rate, least in RATES.items()}
        parts = {metric: Figure(np.array(values, np.float64)[:, None], count) for metric, values in sums.items()}
        thresholds = np.linspace(0, 1, 101)
        everything = np.sort(np.concatenate(list(overlaps.values())))
        curve = 1 - np.searchsorted(everything, thresholds, side="right") / max(len(everything), 1)
        return Scored(
            figures={metric: part.value() for metric, part in parts.items()},
            sequences={
                name: {metric: float(sums[metric][i] / max(len(each), 1)) if len(each) else float("nan") for metric in self.metrics}
                for i, (name, each) in enumerate(overlaps.items())
            },
            curves={"success": np.stack([thresholds, curve])},
            parts=parts,
        )


def _overlaps(truth: Truth, run: TrackedRun) -> np.ndarray:
    """Overlaps of the frames that count."""
    frames, boxes = boxes_of(truth.regions)[1:], boxes_of(run.boxes)[1:]
    if len(frames) != len(boxes):
        raise ValueError(f"a run must have a box for each frame, {run.sequence} has {len(boxes) + 1} for {len(frames) + 1}; track it again")
    if truth.absent is not None:
        frames, boxes = frames[~truth.absent[1:]], boxes[~truth.absent[1:]]
    if truth.size is not None:
        frames, boxes = _bounded(frames, truth.size), _bounded(boxes, truth.size)
    return np.nan_to_num(iou(boxes, frames))


def _bounded(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes bounded by an image as the toolkit does it: a box that begins left of the image is moved, not cut, there."""
    limit = np.array(size, np.float64)
    start = np.clip(boxes[:, :2], 0, limit)
    return np.concatenate([start, np.clip(boxes[:, 2:], 0, limit - start)], axis=1)


def _own_folder(root: Path) -> dict[str, Truth]:
    """`SEQUENCE/groundtruth.txt`, `cover.label` or `absence.label`, and `meta_info.ini`; below `val/`, whose truth is public."""
    root = root / "val" if (root / "val").is_dir() else root
    truths = {}
    for name, folder in sequence_folders(root).items():
        regions = read_regions(folder / "groundtruth.txt")
        truths[name] = Truth(name, regions, _absent(folder, len(regions)), _size(folder / "meta_info.ini"))
    return truths


def _absent(folder: Path, count: int) -> np.ndarray | None:
    """Frames in which nothing of the target is seen: those with cover 0 of 8, or those that are marked absent."""
    cover = read_numbers(folder / "cover.label")
    if cover is None:
        return read_flags(folder / "absence.label", count)
    if len(cover) != count:
        raise ValueError(
            f"{folder / 'cover.label'} must say how much is seen in each of {count} frames, it has {len(cover)} lines; mend it"
        )
    return cover == 0


def _size(file: Path) -> tuple[int, int] | None:
    """Width and height that a `meta_info.ini` tells, `resolution: (1920, 1080)`; None if it does not."""
    text = read_bytes(file).decode("utf-8", "replace") if file.is_file() else ""
    found = re.search(r"^\s*resolution\s*[:=]\s*\(?\s*(\d{1,6})\s*,\s*(\d{1,6})", text, re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else None


GOT_10K = GOT10k()
