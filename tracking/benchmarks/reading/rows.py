"""Rows of numbers, such as result files hold: one row a frame, of four or eight numbers, or of one where a VOT file says a state.

Numbers are separated by commas, semicolons, tabs or spaces; lines end in any way; `nan`, `none`, `-` or nothing stand for a number that is
missing. Other than in files of boxes (tracking/files/annotations.py) nothing is guessed: what the numbers mean is the protocol's affair.
"""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass

import numpy as np

from tracking.files.annotations import LARGEST

_MISSING = {"", "nan", "+nan", "-nan", "none", "null", "na", "n/a", "-"}
_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")


@dataclass(frozen=True, eq=False)
class Rows:
    """The numbers of a file."""

    values: np.ndarray
    """Shape (T, W), W the most numbers in a row; shorter rows are filled up with NaN."""
    widths: np.ndarray
    """How many numbers each row has, shape (T,)."""


def parse_rows(data: bytes, source: object) -> Rows:
    r"""Read the rows of a text.

    Args:
        data: The text, in UTF-8, or in UTF-16 with a byte order mark.
        source: Where it comes from, for messages.

    Raises:
        ValueError: It is no text, holds no number or something else than numbers, or a number that is no coordinate.

    >>> parse_rows(b"1,2,3,4\r\n2\r\n", "a.txt").widths.tolist()
    [4, 1]
    """
    lines = [line for line in re.split(r"[\r\n]+", _decoded(data, source)) if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise ValueError(f"a file of results or annotations must hold numbers, {source} is empty; write one row a frame")
    rows = _uniform(lines) or _ragged(lines, source)
    if not (np.abs(np.nan_to_num(rows.values)) <= LARGEST).all():
        at = int(np.argmax((np.abs(np.nan_to_num(rows.values)) > LARGEST).any(axis=1)))
        raise ValueError(f"a coordinate must be at most {LARGEST:g} px, row {at + 1} of {source} is {lines[at].strip()!r:.60}")
    return rows


def _decoded(data: bytes, source: object) -> str:
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeError as err:
        raise ValueError(f"a file of results or annotations must be a text, {source} is none; write one row a frame") from err


def _uniform(lines: list[str]) -> Rows | None:
    """The quick way: lines of equally many numbers, all written in the same way; None for others."""
    delimiter = next((mark for mark in ";," if mark in lines[0]), None)
    try:
        values = np.loadtxt(io.StringIO("\n".join(lines)), delimiter=delimiter, ndmin=2)
    except ValueError:
        return None
    return Rows(values, np.full(len(values), values.shape[1])) if len(values) == len(lines) else None


def _ragged(lines: list[str], source: object) -> Rows:
    decimal = (line.replace(",", ".") if ";" in line else line for line in lines)
    parsed = [_numbers(line, i, source) for i, line in enumerate(decimal, 1)]
    widest = max(map(len, parsed), default=0)
    if any(not row for row in parsed):
        parsed = [row or [np.nan] * max(widest, 4) for row in parsed]
        widest = max(widest, 4)
    values = np.full((len(parsed), widest), np.nan)
    for row, numbers in zip(values, parsed, strict=True):
        row[: len(numbers)] = numbers
    return Rows(values, np.array([len(row) for row in parsed]))


def _numbers(line: str, at: int, source: object) -> list[float]:
    """The numbers of a line; empty if all are missing without a word."""
    fields = _SEPARATOR.split(line.strip())
    if fields[-1] == "":
        fields = fields[:-1]
    if not any(fields):
        return []
    try:
        return [np.nan if field.lower() in _MISSING else float(field) for field in fields]
    except ValueError as err:
        raise ValueError(f"a file of results or annotations must hold numbers, row {at} of {source} is {line.strip()!r:.60}") from err
