"""Reads records, which are JSON objects that others may have written or edited, strictly, and turns them into typed values."""

from __future__ import annotations

import json
import math
import typing
from dataclasses import MISSING, fields
from pathlib import Path
from typing import NoReturn, TypeVar

T = TypeVar("T")


def read_record(path: Path | str) -> dict:
    """Read a JSON file that holds one object.

    Raises:
        OSError: The file cannot be read.
        ValueError: The content is not one JSON object, or holds a number that is not finite.
    """
    return parse_record(Path(path).read_bytes())


def parse_record(text: str | bytes) -> dict:
    """Decode one JSON object.

    Raises:
        ValueError: The text is not one JSON object, or holds a number that is not finite.

    >>> parse_record('{"a": 1}')
    {'a': 1}
    """
    try:
        record = json.loads(text, parse_constant=_not_finite, parse_float=_finite)
    except RecursionError as err:
        raise ValueError("it is nested too deeply") from err
    if not isinstance(record, dict):
        raise ValueError(f"it holds a {type(record).__name__} in place of an object")
    return record


def typed(kind: type[T], record: object) -> T:
    """Build a dataclass, whose fields are all str, int, float or bool, from a record with the same names.

    Raises:
        ValueError: The record is not an object, a field is missing, unknown or of another type, or the dataclass refuses a value.
    """
    if not isinstance(record, dict):
        raise ValueError(f"{kind.__name__} must be an object, got {record!r:.80}")
    hints = typing.get_type_hints(kind)
    required = {field.name for field in fields(kind) if field.default is MISSING}  # pyright: ignore[reportArgumentType]
    missing, unknown = sorted(required - record.keys()), sorted(map(str, record.keys() - hints.keys()))
    if missing or unknown:
        raise ValueError(f"{kind.__name__} must have exactly its fields; missing: {missing}, unknown: {unknown}")
    for name, value in record.items():
        wanted = (int, float) if hints[name] is float else hints[name]
        if not isinstance(value, wanted) or (isinstance(value, bool) and hints[name] is not bool):
            raise ValueError(f"{name} must be of type {hints[name].__name__}, got {value!r:.80}")
    return kind(**record)


def numbers(record: object) -> dict[str, float]:
    """Check that a record holds only numbers that are not negative, and return it.

    Raises:
        ValueError: The record is something else.
    """
    if not isinstance(record, dict):
        raise ValueError(f"numbers by name must be an object, got {record!r:.80}")
    for name, value in record.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise ValueError(f"{name} must be a number >= 0, got {value!r:.80}")
    return record


def texts(record: object) -> dict[str, str]:
    """Check that a record holds only texts, and return it.

    Raises:
        ValueError: The record is something else.
    """
    if not isinstance(record, dict) or not all(isinstance(value, str) for value in record.values()):
        raise ValueError(f"texts by name must be an object of strings, got {record!r:.80}")
    return record


def _finite(text: str) -> float:
    return float(text) if math.isfinite(float(text)) else _not_finite(text)


def _not_finite(text: str) -> NoReturn:
    raise ValueError(f"a number must be finite, got {text}")
