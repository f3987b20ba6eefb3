"""Latency tables of other projects as tables of a family: what their readers provide, and what becomes of it."""

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


@dataclass(frozen=True)
class Cost:
    """What foreign rows say about one operator."""

    ms: float
    runs: int
    """How many measurements stand behind it, at least."""
    rows: frozenset[str]
    """Which rows it was made from."""
    lacks: tuple[str, ...] = ()
    """Parts of the operator that these rows leave out, such as `se`."""


class ForeignTable(Protocol):
    """A table whose rows were named by somebody else."""

    @property
    def size(self) -> int:
        """Number of rows."""
        ...

    def cost(self, op: Operator) -> Cost | None:
        """What an operator costs, or None where there are no rows for exactly its shapes."""
        ...


def adopt(foreign: ForeignTable, family: Family, chip: str, about: Mapping[str, Any]) -> tuple[LatencyTable, dict]:
    """Turn a foreign table into one of a family.

    Every row is flagged `imported`, and `without_PART` for every part that the foreign rows leave out.

    Args:
        foreign: The rows.
        family: Whose operators are looked for.
        chip: What was measured.
        about: Goes into the manifest.

    Returns:
        The table, and an account: number of `rows` of the source, how many were `used` and `unused`, number of `operators`, which
        are `missing`, and which parts are `left_out` of some.

    Raises:
        ValueError: No operator of the family is there.
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
    flag = "+".join(("imported", *(f"without_{part}" for part in cost.lacks)))
    ms = cost.ms
    return Measurement(ms, ms, ms, ms, ms, 0.0, ms, ms, ms, ms, cost.runs, flag=flag)


def read_text(path: Path) -> str:
    """The content of a foreign file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as err:
        raise ValueError(f"a foreign table must be UTF-8 text, {path} is not; is it the right file?") from err


def milliseconds(text: str, where: str) -> float:
    """A latency as somebody wrote it.

    Raises:
        ValueError: It is not a positive, finite number.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ValueError(f"a latency must be a positive number of milliseconds, got {text!r:.40} in {where}; correct or remove the row")
    return value
