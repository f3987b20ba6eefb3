"""Turns latency tables of other projects into latency tables of a family: what a reader of such files provides, and what is made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from latency_tables.tables.measurement import Measurement
from latency_tables.tables.profile import Profile
from latency_tables.tables.table import LatencyTable
from supernet.families.family import Family
from supernet.operators import Operator
from tracking.files.records import MOST_BYTES, read_bytes

_LEAST_MS, _MOST_MS = 1e-9, 1e7
"""Limits of the latencies that are believed; sums of some of them stay within the limits of a latency table."""


@dataclass(frozen=True)
class Cost:
    """Latency of one operator, as the rows of a foreign table give it."""

    ms: float
    """Latency in milliseconds."""
    runs: int
    """Number of measurements behind the latency; of a sum, the smallest number behind one of its terms."""
    rows: frozenset[str]
    """Names or locations of the rows that the latency was made from."""
    lacks: tuple[str, ...] = ()
    """Parts of the operator that the latency leaves out, since the foreign table has no row for them, e.g. `se`."""


class ForeignTable(Protocol):
    """A latency table of another project, whose rows have names of that project."""

    @property
    def size(self) -> int:
        """Number of rows."""
        ...

    def cost(self, op: Operator) -> Cost | None:
        """The cost of an operator, or None if the table has no rows for exactly its sizes."""
        ...


def adopt(foreign: ForeignTable, family: Family, chip: str, about: Mapping[str, Any]) -> tuple[LatencyTable, dict]:
    """Turn a foreign table into a latency table of a family.

    Every row is flagged `imported`, and `without_PART` for every part of the operator that the foreign table has no row for.

    Args:
        foreign: The foreign table.
        family: Family whose operators are looked up in the foreign table.
        chip: Name of the chip that the foreign table was measured on.
        about: Further fields of the new table's manifest.

    Returns:
        The latency table, which has no whole networks, and an account: number of `rows` in the foreign table, how many of them were
        `used` and `unused`, number of `operators` that got a row, keys of the operators that are `missing`, and the parts that were
        `left_out` of some operator.

    Raises:
        ValueError: The foreign table has a cost for no operator of the family.
    """
    operators = family.all_operators
    costs = {op.key: cost for op in operators if (cost := foreign.cost(op))}
    if not costs:
        raise ValueError(
            f"a foreign table must have operators of {family.name}, none of its {foreign.size} rows is one; bring rows of the family's "
            f"sizes, as in {operators[-1].key}, or choose another family"
        )
    profile = Profile(family.name, "imported", "imported", "unknown", 1, "unknown", "", "wall", chip, "unknown")
    rows = {key: _measurement(cost) for key, cost in costs.items()}
    used = len(frozenset().union(*(cost.rows for cost in costs.values())))
    account = {
        "rows": foreign.size,
        "used": used,
        "unused": foreign.size - used,
        "operators": len(rows),
        "missing": [op.key for op in operators if op.key not in costs],
        "left_out": sorted({part for cost in costs.values() for part in cost.lacks}),
    }
    return LatencyTable(profile, 1.0, rows, {}, about), account


def _measurement(cost: Cost) -> Measurement:
    """A row of the new table: the one latency stands for every clock and quantile, and one reference unit is 1 ms."""
    flag = "+".join(("imported", *(f"without_{part}" for part in cost.lacks)))
    ms = cost.ms
    return Measurement(ms, ms, ms, ms, ms, 0.0, ms, ms, ms, ms, cost.runs, flag=flag)


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """The content of a foreign file, which may have at most this number of bytes.

    Raises:
        OSError: The file cannot be read.
        ValueError: The content is not UTF-8 text, or is too long.
    """
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise ValueError(f"a foreign table must be UTF-8 text, {path} is not; is it the right file?") from err
    except ValueError as err:
        raise ValueError(f"a foreign table must be a short file, {path} is not ({err}); is it the right file?") from err


def milliseconds(text: str, where: str) -> float:
    """Read a latency in milliseconds from a cell of a foreign file.

    Args:
        text: Content of the cell.
        where: Location of the cell, for the error.

    Raises:
        ValueError: The text is not a positive, finite number.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not _LEAST_MS <= value <= _MOST_MS:
        raise ValueError(f"a latency must be a positive number of milliseconds, got {text!r:.40} in {where}; correct or remove the row")
    return value
