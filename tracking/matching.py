"""Which row of a file of boxes belongs to which frame: by the number in the frame's name wherever numbers do not agree in count."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tracking.files.annotations import Rows

_WAY_OUT = "name frames by their number, with a row for each; nan,nan,nan,nan marks a frame without a box"


def match_rows(rows: Rows, frames: Sequence[Path | np.ndarray], source: Path | str) -> tuple[np.ndarray, list[str]]:
    """Find the box of every frame.

    With as many rows as frames, they belong together in order. A single row means that only the first frame is annotated. Rows that
    carry numbers of frames belong to the frames whose names have these numbers. Else there must be more rows than frames, the names must
    carry numbers, and the first row must be known to belong to one of them: to the first or last frame (the rows then end where the frames
    do), or to number 0 or 1 if the names begin there.

    Args:
        rows: The rows of the file.
        frames: The frames in order: image files, or images, which have no names.
        source: The file, for messages.

    Returns:
        Boxes xywh, shape (T, 4), of T frames, with NaN where a frame has none; and what was noticed, a sentence each.

    Raises:
        ValueError: A frame would have no row, or it is not known which rows belong to which frames.
    """
    boxes, numbers = rows.boxes, _frame_numbers(frames)
    if rows.numbers is not None:
        if numbers is None:
            numbers = list(range(int(rows.numbers[0]), int(rows.numbers[0]) + len(frames)))
        return _picked(boxes, rows.numbers.tolist(), numbers, source)
    if len(boxes) == len(frames):
        return boxes, []
    if len(boxes) == 1:
        return np.concatenate([boxes, np.full((len(frames) - 1, 4), np.nan)]), []
    if len(boxes) < len(frames):
        raise ValueError(f"every frame needs a box, got {len(boxes)} boxes for {len(frames)} frames in {source}; {_WAY_OUT}")
    first = _first_number(len(boxes), numbers)
    if first is None:
        raise ValueError(
            f"it must be certain which rows are surplus, got {len(boxes)} boxes for {len(frames)} frames in {source}; remove those rows, "
            "or begin the frames' numbers with the first row's"
        )
    assert numbers is not None
    return _picked(boxes, list(range(first, first + len(boxes))), numbers, source)


def _first_number(count: int, numbers: list[int] | None) -> int | None:
    """The number of the frame that the first of `count` rows belongs to; None if that is not certain."""
    if numbers is None:
        return None
    lowest, last = numbers[0], numbers[-1]
    fits = {first for first in (0, 1, lowest) if first <= lowest and first + count - 1 == last}  # rows and frames end together
    if lowest in (0, 1) and lowest + count - 1 >= last:  # names begin where people begin to count
        fits.add(lowest)
    return fits.pop() if len(fits) == 1 else None


def _picked(boxes: np.ndarray, row_numbers: list[int], frame_numbers: list[int], source: Path | str) -> tuple[np.ndarray, list[str]]:
    """Pick the row of each frame by its number."""
    row = {number: i for i, number in enumerate(row_numbers)}
    picked = np.array([boxes[row[number]] if number in row else np.full(4, np.nan) for number in frame_numbers])
    surplus = [number for number in row_numbers if number not in set(frame_numbers)]
    if not surplus:
        return picked, []
    if len(surplus) == len(row_numbers):
        raise ValueError(f"numbers of rows and frames must meet, those in {source} and its frames do not; {_WAY_OUT}")
    return picked, [f"{len(surplus)} of the {len(boxes)} rows in {source} have no frame ({ranges(surplus)}) and are left out"]


def ranges(numbers: Sequence[int]) -> str:
    """Numbers in a few words, e.g. `numbers 10, 31 to 40`."""
    cuts = [0, *(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)]
    runs = [(numbers[a], numbers[b - 1]) for a, b in zip(cuts, cuts[1:], strict=False)]
    said = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in runs[:4])
    return ("number " if len(numbers) == 1 else "numbers ") + said + (" and more" if len(runs) > 4 else "")


def _frame_numbers(frames: Sequence[Path | np.ndarray]) -> list[int] | None:
    """The numbers in the names of frames, if exactly one number in each name differs from frame to frame and increases."""
    names = [frame.stem for frame in frames if isinstance(frame, Path)]
    parts = [re.split(r"(\d+)", name) for name in names]
    if len(names) != len(frames) or len({len(each) for each in parts}) != 1:
        return None
    varying = [i for i in range(len(parts[0])) if len({each[i] for each in parts}) > 1]
    if len(frames) == 1:
        varying = [1] if len(parts[0]) == 3 else []  # text, number, text
    if len(varying) != 1 or varying[0] % 2 == 0:
        return None
    numbers = [int(each[varying[0]]) for each in parts]
    return numbers if all(a < b for a, b in zip(numbers, numbers[1:], strict=False)) else None
