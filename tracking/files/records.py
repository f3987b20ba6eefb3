"""Reads records, which are JSON objects that others may have written or edited, strictly, and turns them into typed values."""

from __future__ import annotations

import json
import math
import typing
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Literal, NoReturn, TypeGuard, TypeVar

T = TypeVar("T")
MOST_BYTES = 24_000_000
"""Largest text that is read: decoded as a record, one of this length may take some thirty times as much memory."""
_MOST_WHOLE = 2**63


def read_record(path: Path | str) -> dict:
    """Read a JSON file that holds one object.

    Raises:
        OSError: The file cannot be read.
        ValueError: The content is not a record; see `parse_record`.
    """
    return parse_record(read_bytes(path))


def read_bytes(path: Path | str, most: int = MOST_BYTES) -> bytes:
    """Read a file of text that others may have written, unless it is too long.

    Args:
        path: The file.
        most: Largest number of bytes.

    Raises:
        OSError: The file cannot be read.
        ValueError: It holds more bytes.
    """
    with Path(path).open("rb") as file:
        content = file.read(most + 1)  # never more, however large the file is
    if len(content) > most:
        raise ValueError(f"it is longer than {most // 10**6} MB")
    return content


def parse_record(text: str | bytes) -> dict:
    """Decode one JSON object.

    Raises:
        ValueError: The text is not one JSON object or is too long, a number is not finite or takes more than 64 bits, a name comes twice in
            one object, or a text holds half a character (a lone surrogate), which could not be written again.

    >>> parse_record('{"a": 1}')
    {'a': 1}
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"it is longer than {MOST_BYTES // 10**6} MB")
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))  # json.loads itself would let half characters through
    try:
        record = json.loads(text, parse_constant=_not_finite, parse_float=_finite, parse_int=_whole, object_pairs_hook=_named_once)
        if "\\u" in text:
            json.dumps(record, ensure_ascii=False).encode()
    except RecursionError as err:
        raise ValueError("it is nested too deeply") from err
    if not isinstance(record, dict):
        raise ValueError(f"it holds a {type(record).__name__} in place of an object")
    return record


def typed(kind: type[T], record: object) -> T:
    """Build a dataclass, whose fields are all str, int, float, bool or one of some texts (`Literal`), from a record with the same names.

    Raises:
        ValueError: The record is not an object, a field is missing, unknown or of another type, or the dataclass refuses a value.
    """
    if not isinstance(record, dict):
        raise ValueError(f"{kind.__name__} must be an object, got {record!r:.80}")
    hints = typing.get_type_hints(kind)
    required = {field.name for field in fields(kind) if field.default is MISSING}  # pyright: ignore[reportArgumentType]
    missing, unknown = sorted(required - record.keys()), sorted(map(str, record.keys() - hints.keys()))
    if missing or unknown:
        raise ValueError(f"{kind.__name__} must have exactly its fields; missing: {missing!s:.80}, unknown: {unknown!s:.80}")
    for name, value in record.items():
        if typing.get_origin(hints[name]) is Literal:
            if value not in typing.get_args(hints[name]):
                raise ValueError(f"{name} must be one of {', '.join(typing.get_args(hints[name]))}, got {value!r:.80}")
            continue
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
        if not is_number(value) or value < 0:
            raise ValueError(f"{name:.80} must be a number >= 0, got {value!r:.80}")
    return record


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a decoded value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def texts(record: object) -> dict[str, str]:
    """Check that a record holds only texts, and return it.

    Raises:
        ValueError: The record is something else.
    """
    if not isinstance(record, dict) or not all(isinstance(value, str) for value in record.values()):
        raise ValueError(f"texts by name must be an object of strings, got {record!r:.80}")
    return record


def _finite(text: str) -> float:
    return value if math.isfinite(value := float(text)) else _not_finite(text)


def _not_finite(text: str) -> NoReturn:
    raise ValueError(f"a number must be finite, got {text:.40}")


def _whole(text: str) -> int:
    value = int(text) if len(text) < 24 else _MOST_WHOLE
    if not -_MOST_WHOLE <= value < _MOST_WHOLE:
        raise ValueError(f"a whole number must fit into 64 bits, got {text:.40}")
    return value


def _named_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"a name must come once in an object, {max(names, key=names.count)!r:.80} comes again")
    return record
