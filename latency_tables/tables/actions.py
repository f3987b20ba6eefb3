"""The verb `tables`: lists, compares, merges, checks and imports latency tables."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Annotated

from latency_tables.tables.shipped import SHIPPED, find, within
from latency_tables.tables.table import LatencyTable, manifest_path, table_files
from supernet.catalogue import find_family
from tracking.files.guard import Reads, Writes, guarded


def list_tables(files: Annotated[list[str] | None, Reads(table_files)] = None) -> dict:
    """List latency tables: what each was measured on, and how many rows it has.

    Args:
        files: Latency tables, each a .csv file or the name of a table that comes with chiptrack, or folders with tables; by default
            the tables that come with chiptrack.

    Returns:
        `folder`, where the tables that come with chiptrack are, and `tables`, one record for each table. An unreadable table of a
        folder has a record with its `problem`.

    Raises:
        ValueError: A table named in `files` does not exist or cannot be read.
    """
    return {"folder": str(SHIPPED), "tables": [record for word in files or [str(SHIPPED)] for record in _listed(word)]}


def compare_tables(first: Annotated[str, Reads(table_files)], second: Annotated[str, Reads(table_files)]) -> dict:
    """Compare two latency tables of one family: how far they agree in scale and in order, and which rows differ most.

    Args:
        first: Latency table, a .csv file or the name of a table that comes with chiptrack.
        second: Latency table to compare with the first.

    Returns:
        `first` and `second` as given, and the fields that `compare.compare` returns.

    Raises:
        ValueError: A table does not exist or cannot be read, or the families differ.
    """
    from latency_tables.tables.compare import compare

    return {"first": first, "second": second, **compare(LatencyTable.load(find(first)), LatencyTable.load(find(second)))}


@guarded
def merge_tables(files: Annotated[list[str], Reads(table_files)], *, out: Annotated[Path, Writes(table_files)]) -> dict:
    """Merge several latency tables that were measured under the same profile into a new one.

    Args:
        files: Latency tables, two or more, each a .csv file or the name of a table that comes with chiptrack.
        out: The new table, a .csv file.

    Returns:
        `out`, and what `list` shows about the new table.

    Raises:
        ValueError: A table does not exist, cannot be read or is given twice, or the profiles differ.
        FileExistsError: The new table exists already.
    """
    from latency_tables.tables.merge import merge

    paths = [find(word) for word in files]
    _check_new(out)
    table = merge(paths)
    table.save(out)
    return {"out": str(out), **{name: value for name, value in _record(str(out), out).items() if name != "table"}}


def validate_tables(files: Annotated[list[str], Reads(table_files)]) -> dict:
    """Check whether latency tables are complete and plausible, and list the problems of each.

    Args:
        files: Latency tables, each a .csv file or the name of a table that comes with chiptrack.

    Returns:
        What `validate.validate` returns, by table as given.

    Raises:
        ValueError: A table does not exist or cannot be read, or its family is unknown.
    """
    from latency_tables.tables.validate import validate

    return {word: validate(LatencyTable.load(find(word))) for word in files}


@guarded
def import_table(
    files: Annotated[list[str], Reads()], *, family: str, out: Annotated[Path, Writes(table_files)], chip: str = "unknown"
) -> dict:
    """Make a latency table out of YAML files of once-for-all or ProxylessNAS, or out of CSV files of nn-Meter.

    A block or kernel is used for an operator of the family only if shapes, kernel size, expansion and stride are exactly the
    same; activations may differ. Every row is flagged as imported, and with the parts of the operator that it leaves out.

    Args:
        files: Files to import, all of one project: names that end in .csv are read as nn-Meter's, all others as YAML.
        family: Family of architectures whose operators are looked up in the files, e.g. lighttrack or nano.
        out: The new table, a .csv file.
        chip: Name of the chip that the files were measured on.

    Returns:
        `out`, and the account that `adopt.adopt` gives: how many rows were used, which operators are missing.

    Raises:
        ValueError: The family is unknown, or a file has another format or holds no operator of the family.
        FileExistsError: The new table exists already.
    """
    from latency_tables.tables.foreign.adopt import adopt
    from latency_tables.tables.foreign.nn_meter import NnMeter
    from latency_tables.tables.foreign.once_for_all import OnceForAll

    known, paths = find_family(family), [Path(word) for word in files]
    _check_new(out)
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
    """The record of the named table, or the records of all tables in the named folder, unreadable ones with their problem."""
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
    """What `list` shows about one table; `word` is how it is named there."""
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


def _check_new(out: Path) -> None:
    """Refuse a new table that would replace any file."""
    for path in (out, manifest_path(out)):
        if path.exists():
            raise FileExistsError(f"a new table must not replace a file, {path} exists; choose another --out")
