"""The answer of a verb, for a program or for a person."""

from __future__ import annotations

import json
import math

_SHOWN = 8
"""Number of items of a long list that are printed for a person; `--json` prints all of them."""


def as_json(answer: object) -> str:
    """An answer as one JSON object."""
    return json.dumps(_plain(answer), default=str)


def _plain(answer: object) -> object:
    """An answer in a form that JSON can express: numbers that are not finite become None, which JSON writes as null."""
    if isinstance(answer, dict):
        return {name: _plain(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [_plain(value) for value in answer]
    return None if isinstance(answer, float) and not math.isfinite(answer) else answer


def as_text(answer: object) -> str:
    """An answer as text for a person: one line for each value, and a table for a list of records."""
    if isinstance(answer, dict):
        width = max((len(str(key)) for key in answer), default=0)
        return "\n".join(
            f"{key}:\n{_indent(as_text(value))}" if _is_deep(value) else f"{key:{width}}  {_figure(value)}" for key, value in answer.items()
        )
    if isinstance(answer, list) and _is_deep(answer):
        records = [_spread(record) for record in answer]
        columns = list(dict.fromkeys(key for record in records for key in record))
        rows = [columns, *([_figure(record.get(column, "")) for column in columns] for record in records)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return _figure(answer)


def _spread(record: dict) -> dict:
    """A record without records in it: each of their values has a column of its own."""
    spread = {}
    for key, value in record.items():
        spread |= {f"{key} {name}": part for name, part in value.items()} if isinstance(value, dict) and value else {key: value}
    return spread


def _is_deep(value: object) -> bool:
    """Whether a value needs several lines, which a record or a list of records does."""
    return bool(value) and (isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict)))


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        more = [f"and {len(value) - _SHOWN} more (--json lists all)"] if len(value) > _SHOWN else []
        return ", ".join([*map(_figure, value[:_SHOWN]), *more])
    if isinstance(value, dict):
        return " ".join(f"{key}={_figure(part)}" for key, part in value.items())
    return "-" if value is None else str(value)


def _indent(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())
