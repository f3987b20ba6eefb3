"""Latency tables as data: the tables that come with chiptrack, and the verb that lists, compares, merges, checks and imports them."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from latency_tables.compare import compare
from latency_tables.foreign import adopt
from latency_tables.merge import merge
from latency_tables.nn_meter import NnMeter
from latency_tables.once_for_all import OnceForAll
from latency_tables.table import LatencyTable, manifest_path
from latency_tables.validate import validate
from supernet.families import FAMILIES
from tracking.atomic import check_target

SHIPPED = Path(__file__).parent / "data"
"""Folder of the tables that come with chiptrack."""
_TAKES = {"list": (), "compare": (), "merge": ("out",), "validate": (), "import": ("family", "out", "chip")}
"""Action -> options that it takes; all but the chip are needed."""


def tables(
    action: Literal["list", "compare", "merge", "validate", "import"],
    files: list[str] | None = None,
    *,
    family: str | None = None,
    out: Path | None = None,
    chip: str | None = None,
) -> dict:
    """Work with latency tables: list, compare, merge, validate, import.

    list: what tables are for, one record each; without files those that come with chiptrack.
    compare: how far two tables of one family agree in scale and order, and the rows that stand out.
    merge: one table out of several that were measured under the same profile.
    validate: whether tables are complete and plausible, with every problem.
    import: a table out of YAML of once-for-all or ProxylessNAS, or out of CSV of nn-Meter. A block or kernel is taken for an
    operator of the family where shapes, kernel, expansion and stride are exactly the same; activations may differ.

    Args:
        action: What to do.
        files: Tables, each a .csv file or the name of one that comes with chiptrack; for list also folders; for import the foreign
            files.
        family: Of import: the family whose operators are looked for.
        out: Of merge and import: the new table, a .csv file.
        chip: Of import: what was measured.

    Returns:
        For list `folder` and `tables`; for validate an answer for each table; for the others what `compare`, `merge` and `adopt`
        tell.

    Raises:
        ValueError: A file is not what the action takes, or an option is missing or too many.
        FileExistsError: The new table exists.
    """
    files = files or []
    given = {"family": family, "out": out, "chip": chip}
    surplus = [f"--{name}" for name, value in given.items() if value is not None and name not in _TAKES[action]]
    absent = [f"--{name}" for name in _TAKES[action] if given[name] is None and name != "chip"]
    if surplus or absent:
        said = f"takes no {', '.join(surplus)}" if surplus else f"needs {', '.join(absent)}"
        raise ValueError(f"tables {action} {said}; see `chiptrack tables --help`")
    if not files and action != "list":
        raise ValueError(f"tables {action} needs files, got none; name them")
    if action == "list":
        return {"folder": str(SHIPPED), "tables": [record for word in files or [str(SHIPPED)] for record in _listed(word)]}
    if action == "validate":
        return {word: validate(LatencyTable.load(find(word))) for word in files}
    if action == "import":
        return _import([Path(word) for word in files], str(family), Path(str(out)), chip or "unknown")
    paths = [find(word) for word in files]
    if action == "merge":
        return _merge(paths, Path(str(out)))
    if len(paths) != 2:
        raise ValueError(f"compare takes 2 tables, got {len(paths)}; name two")
    return {"first": files[0], "second": files[1], **compare(*(LatencyTable.load(path) for path in paths))}


def find(word: str) -> Path:
    """A table by its path, or by its name where it comes with chiptrack.

    Raises:
        ValueError: There is none.
    """
    path = SHIPPED / f"{word}.csv" if Path(word).name == word and not word.endswith(".csv") else Path(word)
    if not path.is_file():
        shipped = ", ".join(file.stem for file in _within(SHIPPED)) or "none"
        raise ValueError(f"a table must be a .csv file or one that comes with chiptrack ({shipped}), there is no {word!r}; check the name")
    return path


def _listed(word: str) -> list[dict]:
    """The record of a table, or those of a folder's tables; one that cannot be read does not hide the others there."""
    folder = Path(word)
    if not folder.is_dir() and folder != SHIPPED:
        return [_record(word, find(word))]
    records = []
    for path in _within(folder):
        name = path.stem if folder == SHIPPED else str(path)
        try:
            records.append(_record(name, path))
        except ValueError as err:
            records.append({"table": name, "problem": str(err)})
    return records


def _within(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.csv") if manifest_path(path).is_file())


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


def _merge(paths: Sequence[Path], out: Path) -> dict:
    _check_new(out, paths)
    table = merge(paths)
    table.save(out)
    return {"out": str(out), **{name: value for name, value in _record(str(out), out).items() if name != "table"}}


def _import(paths: Sequence[Path], name: str, out: Path, chip: str) -> dict:
    if name not in FAMILIES:
        raise ValueError(f"unknown family {name!r}; known: {', '.join(sorted(FAMILIES))}")
    _check_new(out, paths)
    kinds = {path.suffix == ".csv" for path in paths}
    if len(kinds) > 1:
        raise ValueError(
            f"files to import must be all CSV of nn-Meter or all YAML, got {', '.join(map(str, paths))}; import each kind alone"
        )
    foreign = NnMeter(paths) if kinds == {True} else OnceForAll(paths)
    source = [{"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in paths]
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    table, account = adopt(foreign, FAMILIES[name], chip, {"date": date, "imported": source})
    table.save(out)
    return {"out": str(out), **account}


def _check_new(out: Path, sources: Sequence[Path]) -> None:
    """Refuse a target that cannot be written, or that replaces anything."""
    for path in (out, manifest_path(out)):
        check_target(path, *sources)
        if path.exists():
            raise FileExistsError(f"a new table must not replace a file, {path} exists; choose another --out")
