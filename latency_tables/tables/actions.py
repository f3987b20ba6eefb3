"""The verb `tables`: lists, compares, merges, checks and imports latency tables."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path

from latency_tables.tables.shipped import SHIPPED, find, within
from latency_tables.tables.table import LatencyTable, manifest_path
from supernet.catalogue import find_family
from tracking.files.atomic import check_target


def list_tables(files: list[str] | None = None) -> dict:
    """List what tables are for.

    Args:
        files: Tables, each a .csv file or the name of one that comes with chiptrack, or folders; by default those that come with
            chiptrack.

    Returns:
        `folder` of the tables that come with chiptrack, and `tables`, one record each.

    Raises:
        ValueError: There is no such table.
    """
    return {"folder": str(SHIPPED), "tables": [record for word in files or [str(SHIPPED)] for record in _listed(word)]}


def compare_tables(first: str, second: str) -> dict:
    """Compare two tables of one family: how far they agree in scale and order, and the rows that stand out.

    Args:
        first: A table, a .csv file or the name of one that comes with chiptrack.
        second: Another.

    Returns:
        What `compare` tells.

    Raises:
        ValueError: A file is no table, or the families differ.
    """
    from latency_tables.tables.compare import compare

    return {"first": first, "second": second, **compare(LatencyTable.load(find(first)), LatencyTable.load(find(second)))}


def merge_tables(files: list[str], *, out: Path) -> dict:
    """Make one table out of several that were measured under the same profile.

    Args:
        files: Tables, each a .csv file or the name of one that comes with chiptrack.
        out: The new table, a .csv file.

    Returns:
        The record of the new table, as `list` gives it.

    Raises:
        ValueError: The profiles differ, or a table comes twice.
        FileExistsError: The new table exists.
    """
    from latency_tables.tables.merge import merge

    paths = [find(word) for word in files]
    _check_new(out, paths)
    table = merge(paths)
    table.save(out)
    return {"out": str(out), **{name: value for name, value in _record(str(out), out).items() if name != "table"}}


def validate_tables(files: list[str]) -> dict:
    """Judge whether tables are complete and plausible, with every problem.

    Args:
        files: Tables, each a .csv file or the name of one that comes with chiptrack.

    Returns:
        An answer for each table.

    Raises:
        ValueError: A file is no table.
    """
    from latency_tables.tables.validate import validate

    return {word: validate(LatencyTable.load(find(word))) for word in files}


def import_table(files: list[str], *, family: str, out: Path, chip: str = "unknown") -> dict:
    """Make a table out of YAML of once-for-all or ProxylessNAS, or out of CSV of nn-Meter.

    A block or kernel is taken for an operator of the family where shapes, kernel, expansion and stride are exactly the same;
    activations may differ.

    Args:
        files: The foreign files, all of one kind.
        family: Family whose operators are looked for.
        out: The new table, a .csv file.
        chip: What was measured.

    Returns:
        What `adopt` tells: how many rows were used, which operators are missing.

    Raises:
        ValueError: A file is not what it should be, or holds no operator of the family.
        FileExistsError: The new table exists.
    """
    from latency_tables.tables.foreign.adopt import adopt
    from latency_tables.tables.foreign.nn_meter import NnMeter
    from latency_tables.tables.foreign.once_for_all import OnceForAll

    known, paths = find_family(family), [Path(word) for word in files]
    _check_new(out, paths)
    kinds = {path.suffix == ".csv" for path in paths}
    if len(kinds) > 1:
        raise ValueError(
            f"files to import must be all CSV of nn-Meter or all YAML, got {', '.join(map(str, paths))}; import each kind alone"
        )
    foreign = NnMeter(paths) if kinds == {True} else OnceForAll(paths)
    source = [{"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in paths]
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    table, account = adopt(foreign, known, chip, {"date": date, "imported": source})
    table.save(out)
    return {"out": str(out), **account}


def _listed(word: str) -> list[dict]:
    """The record of a table, or those of a folder's tables; one that cannot be read does not hide the others there."""
    folder = Path(word)
    if not folder.is_dir() and folder != SHIPPED:
        return [_record(word, find(word))]
    records = []
    for path in within(folder):
        name = path.stem if folder == SHIPPED else str(path)
        try:
            records.append(_record(name, path))
        except ValueError as err:
            records.append({"table": name, "problem": str(err)})
    return records


def _record(word: str, path: Path) -> dict:
    table = LatencyTable.load(path)
    profile = table.profile
    return {
        "table": word,
        "family": profile.family,
        "chip": profile.chip,
        "runtime": profile.runtime,
        "version": profile.runtime_version,
        "precision": profile.precision,
        "threads": profile.threads,
        "operators": len(table.operators),
        "networks": len({name for name, _ in table.networks}),
        "unsupported": len(table.unsupported),
        "flagged": table.flagged,
        "date": table.about.get("date"),
    }


def _check_new(out: Path, sources: Sequence[Path]) -> None:
    """Refuse a target that cannot be written, or that replaces anything."""
    for path in (out, manifest_path(out)):
        check_target(path, *sources)
        if path.exists():
            raise FileExistsError(f"a new table must not replace a file, {path} exists; choose another --out")
