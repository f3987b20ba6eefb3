"""Result files of one-pass benchmarks: a box in each line, none missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tracking.benchmarks.benchmark import State, TrackedRun, Truth
from tracking.benchmarks.reading.layouts import Layout, files_of
from tracking.benchmarks.reading.names import some
from tracking.benchmarks.reading.rows import Rows, parse_rows
from tracking.files.progress import say


def read_runs(folder: Path, truths: Mapping[str, Truth], layout: Layout, benchmark: str, cuts_surplus: bool = False) -> list[TrackedRun]:
    """Read the runs of one tracker.

    Args:
        folder: Its folder or zip file.
        truths: The annotations.
        layout: How its files are arranged.
        benchmark: Name of the benchmark, for messages.
        cuts_surplus: Whether rows after the last frame are left out, which one line says, rather than refused.

    Raises:
        OSError: A file cannot be read.
        ValueError: A sequence has no results, too few or too many rows, or rows that are no boxes.
    """
    runs, cut = [], []
    for sequence, files in files_of(folder, layout, truths, benchmark).items():
        frames = len(truths[sequence].regions)
        for repeat, (source, data) in enumerate(files, 1):
            boxes = _boxes(parse_rows(data, source), benchmark, source)
            if len(boxes) > frames and cuts_surplus:
                cut.append(f"{sequence} ({len(boxes)} rows for {frames} frames)")
                boxes = boxes[:frames]
            if len(boxes) != frames:
                raise ValueError(
                    f"every frame must have one row, got {len(boxes)} rows for {frames} frames of {sequence} in {source}; "
                    "write nan,nan,nan,nan where the tracker said nothing"
                )
            states = np.full(frames, State.TRACKED, np.int8)
            states[:1] = State.INITIALISED
            runs.append(TrackedRun(sequence, boxes, states, repeat))
    if cut:
        say(f"{folder}: rows after the last frame are left out in {len(cut)} results: {some(cut)}")
    return runs


def _boxes(rows: Rows, benchmark: str, source: object) -> np.ndarray:
    """The boxes of a file's rows.

    Raises:
        ValueError: A row has not four numbers.
    """
    wrong = np.flatnonzero(rows.widths != 4)
    if wrong.size:
        count = rows.widths[wrong[0]]
        hint = ", a state of VOT results" if count == 1 else ", a polygon" if count == 8 else ""
        raise ValueError(
            f"a row of {benchmark} results must be x,y,w,h, row {wrong[0] + 1} of {source} holds {count} number(s){hint}; check --benchmark and the file"
        )
    return rows.values
