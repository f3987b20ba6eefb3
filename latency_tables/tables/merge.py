"""Merges several latency tables that were measured under the same profile into one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from latency_tables.tables.measurement import Measurement
from latency_tables.tables.table import LatencyTable

K = TypeVar("K")


def merge(paths: Sequence[Path]) -> LatencyTable:
    """Merge tables into one that has the rows of all of them.

    A row that several tables have becomes their average, weighted by the number of runs. Rows without a flag win over flagged rows,
    and a measured row wins over one that says that the runtime cannot run it. The interval of an averaged row spans the intervals of
    all rows that were averaged, and its `spread` is at least the range of their reference units relative to the average.

    Example: 2.0 reference units from 100 runs and 2.6 from 200 runs become 2.4 from 300 runs, with a spread of at least
    (2.6 - 2.0) / 2.4 = 0.25.

    Args:
        paths: Two or more tables of one profile.

    Returns:
        The merged table. Its `about` lists the sources as `merged`, has the latest `date`, and keeps the other fields that are the
        same in all tables.

    Raises:
        ValueError: There are fewer than two tables, the profiles differ (the error says where), or a file is given twice.
    """
    if len(paths) < 2:
        raise ValueError(f"a merge needs at least 2 tables, got {len(paths)}; name more")
    sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    twice = [str(path) for i, path in enumerate(paths) if sums[i] in sums[:i]]
    if twice:
        raise ValueError(f"a merge takes each table once, {twice[0]} comes again; leave it out")
    tables = [LatencyTable.load(path) for path in paths]
    for path, table in zip(paths, tables, strict=True):
        _check_profile(tables[0], table, path)
    about = {name: value for name, value in tables[0].about.items() if all(table.about.get(name) == value for table in tables)}
    dates = [table.about.get("date") for table in tables]
    about["date"] = max((str(date) for date in dates if date), default=None)
    about["merged"] = [{"file": path.name, "sha256": sha256, "date": date} for path, sha256, date in zip(paths, sums, dates, strict=True)]
    operators = _united([table.operators for table in tables])
    networks = _united([table.networks for table in tables])
    measured = {*networks, *((key, key.split(":")[0]) for key in operators)}
    weights = [sum(m.runs for m in (*table.operators.values(), *table.networks.values())) for table in tables]
    return LatencyTable(
        tables[0].profile,
        float(np.average([table.reference_ms for table in tables], weights=weights if any(weights) else None)),
        operators,
        networks,
        about,
        {row: reason for table in reversed(tables) for row, reason in table.unsupported.items() if row not in measured},
    )


def _check_profile(first: LatencyTable, other: LatencyTable, path: Path) -> None:
    """Refuse a table, read from `path`, whose profile is not that of the first."""
    differences = first.profile.differences(other.profile)
    different = [f"{name} ({value} and {another})" for name, (value, another) in differences.items()]
    if different:
        raise ValueError(f"tables to merge must have one profile, {path} differs in {', '.join(different)}; measure where the first was")


def _united(parts: Sequence[Mapping[K, Measurement]]) -> dict[K, Measurement]:
    """The rows of all parts, by name; rows of the same name are averaged."""
    names = dict.fromkeys(name for rows in parts for name in rows)
    return {name: _averaged([rows[name] for rows in parts if name in rows]) for name in names}


def _averaged(rows: Sequence[Measurement]) -> Measurement:
    """One row out of several for the same operator or network, as `merge` describes it."""
    kept = [m for m in rows if not m.flag] or rows
    if len(kept) == 1:
        return kept[0]

    def mean(name: str, over: Sequence[Measurement] = kept) -> float:
        return float(np.average([getattr(m, name) for m in over], weights=[m.runs for m in over]))

    def mean_of_known(name: str) -> float | None:
        known = [m for m in kept if getattr(m, name) is not None]
        return mean(name, known) if known else None

    units = mean("reference_units")
    between = float(np.ptp([m.reference_units for m in kept])) / units
    return Measurement(
        mean("cpu_ms"),
        mean("wall_ms"),
        units,
        min(m.low_units for m in kept),
        max(m.high_units for m in kept),
        max(mean("spread"), between),
        mean("p05_ms"),
        mean("p25_ms"),
        mean("p75_ms"),
        mean("p95_ms"),
        sum(m.runs for m in kept),
        mean_of_known("memory_mb"),
        mean_of_known("energy_mj"),
        "+".join(dict.fromkeys(word for m in kept for word in m.flag.split("+") if word)),
    )
