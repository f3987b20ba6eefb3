"""Result files of the VOT challenges: a region in each line, or one number that says a state.

1 means that the tracker was started, 2 that it failed, 0 that it was not running. Some programs write 1.0 and 2.0, so numbers are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tracking.benchmarks.benchmark import State, TrackedRun, Truth
from tracking.benchmarks.reading.layouts import Layout, files_of
from tracking.benchmarks.reading.names import some
from tracking.benchmarks.reading.rows import Rows, parse_rows
from tracking.files.atomic import write_text
from tracking.files.progress import say

_STATES = {1.0: State.INITIALISED, 2.0: State.FAILED}
_WRITTEN = {State.INITIALISED: "1", State.FAILED: "2", State.SKIPPED: "0"}


def read_vot_results(folder: Path, truths: Mapping[str, Truth], layout: Layout, benchmark: str) -> list[TrackedRun]:
    """Read the runs of one tracker.

    Raises:
        OSError: A file cannot be read.
        ValueError: A sequence has no results, or a line is neither a region nor a state.
    """
    runs, uneven = [], []
    for sequence, files in files_of(folder, layout, truths, benchmark).items():
        for repeat, (source, data) in enumerate(files, 1):
            run = run_of_rows(sequence, repeat, parse_rows(data, source), source)
            runs.append(run)
            if len(run.boxes) != len(truths[sequence].regions):
                uneven.append(f"{sequence} ({len(run.boxes)} for {len(truths[sequence].regions)})")
    if uneven:
        say(f"{folder}: {len(uneven)} runs have more or fewer lines than frames and are cut, as the toolkit does: {some(uneven)}")
    return runs


def run_of_rows(sequence: str, repeat: int, rows: Rows, source: object) -> TrackedRun:
    """Turn the rows of a result file into a run.

    Raises:
        ValueError: A row has neither 1, 4 nor 8 numbers.
    """
    wrong = np.flatnonzero(~np.isin(rows.widths, (1, 4, 8)))
    if wrong.size:
        raise ValueError(f"a line of VOT results must hold 1, 4 or 8 numbers, row {wrong[0] + 1} of {source} holds {rows.widths[wrong[0]]}")
    single = rows.widths == 1
    states = np.where(single, State.SKIPPED, State.TRACKED).astype(np.int8)
    for number, state in _STATES.items():
        states[single & (rows.values[:, 0] == number)] = state
    boxes = np.full((len(states), max(rows.values.shape[1], 4)), np.nan)
    boxes[~single, : rows.values.shape[1]] = rows.values[~single]
    return TrackedRun(sequence, boxes, states, repeat)


def write_vot_results(folder: Path, experiment: str, runs: Sequence[TrackedRun], seconds: Mapping[tuple[str, int], np.ndarray]) -> Path:
    """Write runs as a workspace of the VOT toolkit keeps them; returns the folder.

    Regions are in `EXPERIMENT/SEQUENCE/SEQUENCE_001.txt`, times in `SEQUENCE_001_time.value` beside.
    """
    for run in runs:
        place = folder / experiment / run.sequence
        lines = [_line(box, State(state)) for box, state in zip(run.boxes, run.states, strict=True)]
        spent = seconds.get((run.sequence, run.repeat), np.zeros(len(lines)))
        write_text(place / f"{run.sequence}_{run.repeat:03d}_time.value", "".join(f"{value:.6f}\n" for value in spent))
        write_text(place / f"{run.sequence}_{run.repeat:03d}.txt", "".join(f"{line}\n" for line in lines))
    return folder


def _line(box: np.ndarray, state: State) -> str:
    if state != State.TRACKED:
        return _WRITTEN[state]
    known = box[:4] if len(box) == 8 and np.isnan(box[4:]).all() else box
    return ",".join(f"{value:.4f}" for value in known)
