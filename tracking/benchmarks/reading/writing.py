"""Result files as the toolkits and servers of one-pass benchmarks take them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tracking.benchmarks.benchmark import TrackedRun
from tracking.files.atomic import new_file, write_text

Seconds = Mapping[tuple[str, int], np.ndarray]
"""Time spent on each frame, by name of the sequence and number of the repetition."""
Writer = Callable[[Path, str, Sequence[TrackedRun], Seconds], Path]
"""Writes the runs of a tracker below a folder, and returns what is handed in."""


def write_commas(folder: Path, tracker: str, runs: Sequence[TrackedRun], seconds: Seconds) -> Path:
    """`TRACKER/SEQUENCE.txt`, x,y,w,h, and `TRACKER/times/SEQUENCE_time.txt`, as pysot-toolkit and the OTB toolkit in Python read them."""
    for run in runs:
        write_text(folder / tracker / "times" / f"{run.sequence}_time.txt", _times(run, seconds))
        write_text(folder / tracker / f"{run.sequence}.txt", _rows(run, ",", "%.4f"))
    return folder / tracker


def write_trackingnet(folder: Path, tracker: str, runs: Sequence[TrackedRun], seconds: Seconds) -> Path:
    """`TRACKER/SEQUENCE.txt`, and `TRACKER.zip` with these files at its root, as TrackingNet's server takes it."""
    write_commas(folder, tracker, runs, seconds)
    with new_file(folder / f"{tracker}.zip", ".zip") as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for run in runs:
            archive.writestr(f"{run.sequence}.txt", _rows(run, ",", "%.2f"))
    return folder / f"{tracker}.zip"


def write_got10k(folder: Path, tracker: str, runs: Sequence[TrackedRun], seconds: Seconds) -> Path:
    """`TRACKER/SEQUENCE/SEQUENCE_001.txt`, and `TRACKER.zip` of the same, as GOT-10k's server takes it.

    `SEQUENCE_time.txt` beside has one column for each repetition.
    """
    contents: dict[str, str] = {}
    times: dict[str, list[np.ndarray]] = {}
    for run in sorted(runs, key=lambda each: (each.sequence, each.repeat)):
        contents[f"{run.sequence}/{run.sequence}_{run.repeat:03d}.txt"] = _rows(run, ",", "%.3f")
        times.setdefault(run.sequence, []).append(seconds.get((run.sequence, run.repeat), np.zeros(len(run.boxes))))
    for sequence, columns in times.items():
        lines = (",".join(f"{value:.8f}" for value in row) for row in zip(*columns, strict=True))
        contents[f"{sequence}/{sequence}_time.txt"] = "".join(f"{line}\n" for line in lines)
    for name, text in contents.items():
        write_text(folder / tracker / name, text)
    with new_file(folder / f"{tracker}.zip", ".zip") as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
    return folder / f"{tracker}.zip"


def _rows(run: TrackedRun, separator: str, form: str) -> str:
    return "".join(separator.join(form % value for value in box) + "\n" for box in run.boxes)


def _times(run: TrackedRun, seconds: Seconds) -> str:
    return "".join(f"{value:.6f}\n" for value in seconds.get((run.sequence, run.repeat), np.zeros(len(run.boxes))))
