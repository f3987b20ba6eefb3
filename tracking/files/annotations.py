"""Text files of boxes: the forms that are read, and the one that is written.

A file holds one box `x,y,w,h` a line, or one polygon of four corners (VOT). It is UTF-8, or UTF-16 with a byte order mark. Numbers are
separated by commas, semicolons, or tabs and spaces, in the same way on every line; a separator may also end the line. With semicolons,
tabs or spaces, numbers may have a decimal comma. `nan`, `none`, `null`, `-` or nothing in place of a number mean that the frame has no
box. Text after `#` is a comment. A first line of words names the columns, in any order: `x y w h`, `x1 y1 x2 y2` (corners), `cx cy w h`
(centres), further `frame` (the number of each line's frame), and `score`, `class` and the like, which are left out.

A file that can be read in two of these ways, with different boxes, is refused; so is one whose lines differ in form.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracking.boxes import box_of_polygon, convex_quadrilateral
from tracking.files.atomic import write_text
from tracking.files.records import read_bytes

LARGEST = 1e7
"""Largest size of a coordinate that is believed, px."""
_LONGEST = 1000
"""Most characters of a line."""
_MISSING = {"", "nan", "+nan", "-nan", "none", "null", "na", "n/a", "-"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?", re.ASCII)
_SPACES, _COMMA, _SEMICOLON = re.compile(r"\s+"), re.compile(r"\s*,\s*"), re.compile(r"\s*;\s*")
_NAMES = {
    "x": ("x", "left", "xmin", "x_min", "x1", "bb_left", "bbox_x"),
    "y": ("y", "top", "ymin", "y_min", "y1", "bb_top", "bbox_y"),
    "w": ("w", "width", "bb_width", "bbox_w"),
    "h": ("h", "height", "bb_height", "bbox_h"),
    "x2": ("x2", "right", "xmax", "x_max"),
    "y2": ("y2", "bottom", "ymax", "y_max"),
    "cx": ("cx", "xc", "x_center", "center_x", "x_centre", "centre_x"),
    "cy": ("cy", "yc", "y_center", "center_y", "y_centre", "centre_y"),
    "frame": ("frame", "frame_id", "frame_number", "frame_index"),
    "": ("score", "confidence", "conf", "class", "label", "category", "name"),
    **{name: (name,) for name in ("x3", "y3", "x4", "y4")},
}
_COLUMN = {name: column for column, names in _NAMES.items() for name in names}
_POLYGON = ("x", "y", "x2", "y2", "x3", "y3", "x4", "y4")
_WAYS = (("x", "y", "w", "h"), ("x", "y", "x2", "y2"), ("cx", "cy", "w", "h"), _POLYGON)
_WAY_OUT = "write one x,y,w,h a line, or name the columns in the first line"


@dataclass(frozen=True, eq=False)
class Rows:
    """The content of a file of boxes."""

    boxes: np.ndarray
    """Boxes xywh, shape (T, 4), in the coordinates of the file; NaN where a frame has no box."""
    numbers: np.ndarray | None = None
    """Number of each row's frame, shape (T,), strictly increasing; None if the file does not say."""


@dataclass(frozen=True)
class _Line:
    """A line that is neither empty nor a comment."""

    number: int
    text: str


class _Unreadable(ValueError):
    """The lines do not have the form in which they were read; the message says which line and why."""


def read_boxes(path: Path | str) -> np.ndarray:
    """Read a text file that has a box for each frame, in order.

    Args:
        path: The file, in one of the forms above. Its coordinates are returned unchanged, whatever their origin.

    Returns:
        Boxes xywh, shape (T, 4); NaN where a frame has none.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file has none of the forms, or more than one; or its frames are numbered with gaps.
    """
    rows = read_rows(path)
    if rows.numbers is not None and (np.diff(rows.numbers) != 1).any():
        raise ValueError(f"the frames of a file of boxes must be numbered without gaps, those of {path} are not; add rows with nan")
    return rows.boxes


def read_rows(path: Path | str) -> Rows:
    """Read a text file of boxes, with the numbers of frames if it has a column of them.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file has none of the forms above, or more than one.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"boxes must be in a text file, {path} is none; {_WAY_OUT}")
    try:
        columns, lines = _content(_decoded(read_bytes(path)))
        return _read(columns, lines)
    except UnicodeError as err:
        raise ValueError(f"boxes must be in a text file, {path} is no UTF-8 text; {_WAY_OUT}") from err
    except ValueError as err:  # a line, or the size of the file
        raise ValueError(f"{err!s:.200}, in {path}; {_WAY_OUT}") from err


def write_boxes(path: Path | str, boxes: np.ndarray) -> None:
    """Write boxes as text, one `x,y,w,h` a line with four decimals; the file appears in one step.

    Args:
        path: The file; an older one is replaced.
        boxes: Boxes xywh, shape (T, 4); NaN is allowed.

    Raises:
        ValueError: The shape is not (T, 4).
    """
    boxes = np.asarray(boxes, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes must have shape (T, 4), got {boxes.shape} for {path}")
    write_text(path, "".join(",".join(f"{value:.4f}" for value in box) + "\n" for box in boxes))


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    text = data.decode("utf-8-sig")
    if "\0" in text:
        raise UnicodeError
    return text


def _content(text: str) -> tuple[list[str] | None, list[_Line]]:
    """Split a text into the names of its columns, None if it does not give them, and its lines of numbers."""
    columns, lines, empty = None, [], 0
    for number, line in enumerate(re.split(r"\r\r\n|\r\n|\n|\r", text), 1):
        if len(line) > _LONGEST:
            raise _Unreadable(f"a line must have at most {_LONGEST} characters, line {number} has {len(line)}")
        content, mark, comment = line.partition("#")
        if not content.strip():
            if mark and not lines and columns is None:
                columns = _columns(comment)
            elif not mark and lines and not empty:
                empty = number
            continue
        if empty:
            raise _Unreadable(f"a frame without a box must be marked by nan,nan,nan,nan, line {empty} is empty")
        if not lines and columns is None and (columns := _columns(content)):
            continue
        lines.append(_Line(number, content.strip()))
    if not lines:
        raise _Unreadable("a file of boxes must hold at least one, there is none")
    return columns, lines


def _columns(text: str) -> list[str] | None:
    """Columns that a line names; None if it is something else, such as a comment."""
    names = [name.strip(" \"'").lower() for name in re.split(r"[,;\s]+", text.strip(" \t,;"))]
    if len(names) < 4 or not all(re.fullmatch("[a-z][a-z0-9_]*", name) and name not in _MISSING for name in names):
        return None
    known = [_COLUMN.get(name) for name in names]
    if None in known:
        if sum(name is not None for name in known) < 4:
            return None  # a sentence
        unknown = names[known.index(None)]
        raise _Unreadable(f"columns must be {', '.join(name for name in _NAMES if name)} or score, the first line names {unknown!r:.40}")
    return [name for name in known if name is not None]


def _read(columns: list[str] | None, lines: list[_Line]) -> Rows:
    """Read lines in every way that their characters allow, and return the rows if the ways agree.

    Raises:
        _Unreadable: No way fits, or two give different boxes.
    """
    text = "".join(line.text for line in lines)
    if ";" in text:
        ways = [(_SEMICOLON, _NUMBER), (_SEMICOLON, _DECIMAL_COMMA)]
    elif "," in text:
        ways = [(_COMMA, _NUMBER), (_SPACES, _DECIMAL_COMMA)]
    else:
        ways = [(_SPACES, _NUMBER)]
    found, reasons = [], []
    for separator, number in ways:
        try:
            found.append(_parse(columns, lines, separator, number))
        except _Unreadable as err:
            reasons.append(err)
    if not found:
        raise reasons[-1] if ";" in text else reasons[0]
    if any(not np.array_equal(found[0].boxes, other.boxes, equal_nan=True) for other in found[1:]) or _could_be_other(columns, lines):
        raise _Unreadable(f"numbers need a decimal point here, {lines[0].text!r:.60} can be read as a box and as a polygon")
    return found[0]


def _parse(columns: list[str] | None, lines: Sequence[_Line], separator: re.Pattern, number: re.Pattern) -> Rows:
    """Read lines whose fields are separated and whose numbers are written in a certain way."""
    way = _way(columns) if columns else None
    width, values, frames = len(columns) if columns else 0, [], []
    for line in lines:
        fields = separator.split(line.text)
        if fields[-1] == "" and any(fields):
            fields = fields[:-1]
        if all(field.lower() in _MISSING for field in fields):
            fields = ["nan"] * (width or len(fields))
            if columns and "frame" in columns:
                raise _Unreadable(f"a numbered frame must have its number, line {line.number} has none")
        elif not width:
            width = len(fields)
        elif len(fields) != width:
            raise _Unreadable(f"all lines must have one form, line {line.number} holds {len(fields)} fields and others {width}")
        wanted = [fields[columns.index(name)] for name in way] if columns and way else fields
        values.append([_value(field, number, line) for field in wanted])
        if columns and "frame" in columns:
            frames.append(_value(fields[columns.index("frame")], number, line))
    return Rows(_boxes(way, width, values, lines), _numbers(frames))


def _way(columns: list[str]) -> tuple[str, ...]:
    """The columns that make up a box, in the order of their meaning."""
    way = max((way for way in _WAYS if set(way) <= set(columns)), key=len, default=None)
    repeated = [name for name in columns if name and columns.count(name) > 1]
    if way is None or repeated:
        raise _Unreadable(f"the columns must say one box x,y,w,h, the first line names {', '.join(filter(None, columns))}")
    return way


def _value(field: str, number: re.Pattern, line: _Line) -> float:
    if field.lower() in _MISSING:
        return np.nan
    if not number.fullmatch(field):
        raise _Unreadable(f"a line of boxes must hold numbers with one kind of separator, line {line.number} is {line.text!r:.80}")
    value = float(field.replace(",", "."))
    if abs(value) > LARGEST:
        raise _Unreadable(f"a coordinate must be at most {LARGEST:g} px, line {line.number} is {line.text!r:.80}")
    return value


def _boxes(way: tuple[str, ...] | None, width: int, values: list[list[float]], lines: Sequence[_Line]) -> np.ndarray:
    """Boxes of the values of each line; a line in which one is missing has no box."""
    if way is None and width not in (4, 8, 0):
        raise _Unreadable(f"a line must hold 4 numbers x,y,w,h or the 8 of a polygon, line {lines[0].number} holds {width}")
    size = len(way) if way else width or 4
    table = np.array([row if len(row) == size else [np.nan] * size for row in values])
    table[np.isnan(table).any(axis=1)] = np.nan
    if size == 8:
        wrong = np.flatnonzero(~convex_quadrilateral(table) & ~np.isnan(table[:, 0]))
        if wrong.size:
            raise _Unreadable(f"8 numbers must be the corners of a polygon in order, line {lines[wrong[0]].number} is no convex one")
        return np.array([box_of_polygon(row) for row in table])
    if way and "x2" in way:
        table[:, 2:] -= table[:, :2]
    elif way and "cx" in way:
        table[:, :2] -= table[:, 2:] / 2
    return table


def _numbers(frames: list[float]) -> np.ndarray | None:
    if not frames:
        return None
    numbers = np.array(frames)
    if not (np.isfinite(numbers).all() and (numbers == np.round(numbers)).all() and (np.diff(numbers) > 0).all()):
        raise _Unreadable("numbers of frames must be whole and increase from line to line, they do not")
    return numbers.astype(np.int64)


def _could_be_other(columns: list[str] | None, lines: Sequence[_Line]) -> bool:
    """Whether whole numbers in pairs could be four decimals with commas as well as the four corners of a polygon.

    `68,25;47,50;26,75;39,20` may be a box with decimal commas, or four points; so may `68,25,47,50,26,75,39,20`.
    """
    if columns:
        return False
    pair = r"[+-]?\d+\s*,\s*\d+"
    rows = [re.fullmatch(rf"({pair})(\s*[,;]\s*|\s+)({pair})\2({pair})\2({pair})[\s,;]*", line.text, re.ASCII) for line in lines]
    if not all(rows):
        return False
    corners = np.array([re.findall(r"[+-]?\d+", line.text) for line in lines], float)
    if not convex_quadrilateral(corners).all():
        return False
    if "," not in rows[0][2]:  # type: ignore[index]
        return True
    fractions = {len(fraction) for line in lines for fraction in re.findall(r"\d+", line.text)[1::2]}
    sides = corners.reshape(-1, 4, 2)
    skew = np.abs(sides[:, 0] + sides[:, 2] - sides[:, 1] - sides[:, 3]).max()
    return skew > 2 and len(fractions) == 1
