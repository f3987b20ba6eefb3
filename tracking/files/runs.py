"""The output of a tracker on a sequence (a run), and the results folder that keeps it.

For each sequence the folder holds `NAME.txt` (one box `x,y,w,h` a line, 0-based), `NAME_time.txt` (seconds for each frame),
`NAME_score.txt` (the tracker's own confidence), `NAME_read.txt` (seconds to read and decode each frame) and, where a protocol starts the tracker
again, `NAME_state.txt` (a `State` for each frame). The boxes are written last, so a sequence is finished if its boxes are there, and
interrupted work can skip it. Results of others need only the boxes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracking.files.annotations import read_boxes, write_boxes
from tracking.files.atomic import write_text
from tracking.files.records import read_bytes
from tracking.images import natural_key

FURTHER = ("_time", "_score", "_read", "_state")
"""What the names of a sequence's further files end in."""


@dataclass(frozen=True, eq=False)
class Run:
    """The output of a tracker on one sequence."""

    name: str
    """Name of the sequence."""
    boxes: np.ndarray
    """Boxes xywh, px, 0-based, shape (T, 4)."""
    scores: np.ndarray
    """Confidence of the tracker, from 0 to 1, shape (T,); NaN where unknown."""
    seconds: np.ndarray
    """Time that the tracker spent on each frame, shape (T,); NaN where unknown."""
    reading: np.ndarray | None = None
    """Time spent on reading and decoding each frame, shape (T,); NaN where unknown; None if nobody has looked."""
    states: np.ndarray | None = None
    """The `State` of each frame, shape (T,); None if the tracker was started in the first frame and never again."""


def save_run(run: Run, folder: Path | str) -> None:
    """Write the files of one sequence into a results folder; each file appears in one step, the boxes last.

    Raises:
        ValueError: The numbers of boxes, scores and times differ.
    """
    folder = Path(folder)
    if not len(run.boxes) == len(run.scores) == len(run.seconds):
        raise ValueError(
            f"a run needs a score and a time for each box, got {len(run.boxes)}, {len(run.scores)}, {len(run.seconds)} in {run.name}"
        )
    for kind, values in (("read", run.reading), ("state", run.states)):
        if values is None:
            (folder / f"{run.name}_{kind}.txt").unlink(missing_ok=True)
        else:
            write_text(folder / f"{run.name}_{kind}.txt", "".join(f"{value:g}\n" for value in values))
    write_text(folder / f"{run.name}_time.txt", "".join(f"{value:.6f}\n" for value in run.seconds))
    write_text(folder / f"{run.name}_score.txt", "".join(f"{value:.6f}\n" for value in run.scores))
    write_boxes(folder / f"{run.name}.txt", run.boxes)


def load_run(folder: Path | str, name: str) -> Run:
    """Read the run of one sequence; missing times and scores become NaN.

    Raises:
        FileNotFoundError: The folder has no boxes for this sequence.
        ValueError: A file cannot be read, or the files have different numbers of lines.
    """
    folder = Path(folder)
    boxes = read_boxes(folder / f"{name}.txt")
    scores, seconds, reading, states = (
        _read_column(folder / f"{name}_{kind}.txt", len(boxes)) for kind in ("score", "time", "read", "state")
    )
    if states is not None and not np.isin(states, (0, 1, 2, 3)).all():
        raise ValueError(f"states must be numbers from 0 to 3, {folder / name}_state.txt holds something else; remove the sequence's files")
    unknown = np.full(len(boxes), np.nan)
    return Run(
        name,
        boxes,
        unknown if scores is None else scores,
        unknown if seconds is None else seconds,
        reading,
        None if states is None else states.astype(np.int8),
    )


def finished(folder: Path | str) -> list[str]:
    """Names of the sequences whose boxes a results folder holds, in natural order; empty if there is no such folder.

    A name that itself ends as one of the further files do, such as in `_time`, counts as a sequence only if its own file of times is there too.
    """
    stems = {path.stem for path in Path(folder).glob("*.txt")}
    return sorted((stem for stem in stems if f"{stem}_time" in stems or not stem.endswith(FURTHER)), key=natural_key)


def _read_column(path: Path, count: int) -> np.ndarray | None:
    if not path.is_file():
        return None
    try:
        values = np.array([float(line) for line in read_bytes(path).decode("utf-8").split()])
        if np.isinf(values).any():
            raise ValueError("a number is infinite")
    except ValueError as err:
        raise ValueError(f"times and scores must be one number a line, {path} holds something else; remove it") from err
    if len(values) != count:
        raise ValueError(f"times and scores must be as many as the boxes, got {len(values)} for {count} boxes in {path}")
    return values
