"""A latency table: the measured latency of the operators of a family and of some whole networks under one profile, and its file format.

`TABLE.csv` has one row for each operator and one for each branch of each network. An operator or network that the runtime cannot
run has a row without figures, whose flag gives the reason. `TABLE.json` beside it, the manifest, says what the rows are valid for
and how they were measured, and holds the checksum of the rows.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from latency_tables.tables.measurement import Measurement
from latency_tables.tables.profile import Profile
from supernet.operators import Branch, Operator
from tracking.files.atomic import write_text
from tracking.files.guard import named
from tracking.files.records import numbers, parse_record, read_bytes

FORMAT = 2
"""Version of the file format; files of another version are refused."""
_NAMES = ("kind", "name", "branch")
_VALUES = tuple(field.name for field in fields(Measurement))
_OPTIONAL = ("memory_mb", "energy_mj")
_FIGURES = tuple(name for name in _VALUES if name not in (*_OPTIONAL, "flag"))
_UNSUPPORTED = "unsupported: "
_LEAST, _MOST = 1e-9, 1e9
"""Limits of the figures that a file may hold, e.g. of milliseconds, so that their sums and ratios are finite."""
COLUMNS = (*_NAMES, *_VALUES)
"""Columns of the CSV file.

`kind` is operator or network, `name` an operator's key or an architecture's name, `branch` template or search; the others are the
fields of `Measurement`."""


class MissingOperators(ValueError):
    """A latency table has no latency for some operators.

    Args:
        keys: Keys of all missing operators; the attribute `keys` has them sorted and without repeats.
        reasons: Why the runtime cannot run an operator, by key, if that is known.
    """

    def __init__(self, keys: Iterable[str], reasons: Mapping[str, str] | None = None):
        self.keys = tuple(sorted(set(keys)))
        known = {key: reasons[key] for key in self.keys if reasons and key in reasons}
        way_out = f"the runtime has no {next(iter(known))} ({next(iter(known.values()))}), avoid it" if known else "measure it again"
        super().__init__(f"the latency table must have every operator, {len(self.keys)} missing: {' '.join(self.keys)}; {way_out}")


@dataclass(frozen=True)
class LatencyTable:
    """The latencies of operators and whole networks of one family under one profile."""

    profile: Profile
    """What the latencies are valid for."""
    reference_ms: float
    """Milliseconds of one reference unit: the median time of the reference model during the measurement."""
    operators: Mapping[str, Measurement]
    """Measurements of the operators, by key."""
    networks: Mapping[tuple[str, Branch], Measurement]
    """Measurements of whole networks, by the architecture's name and the branch."""
    about: Mapping[str, Any]
    """Further fields of the manifest: how, when and with which versions the table was measured."""
    unsupported: Mapping[tuple[str, Branch], str] = field(default_factory=dict)
    """The reason why the runtime cannot run an operator or a network, by the operator's key or the architecture's name, and the branch."""

    @property
    def unsupported_operators(self) -> dict[str, str]:
        """The reason why the runtime cannot run an operator, by its key."""
        return {name: reason for (name, branch), reason in self.unsupported.items() if name.startswith(f"{branch}:")}

    @property
    def flagged(self) -> int:
        """Number of measured rows with a flag."""
        return sum(bool(m.flag) for m in (*self.operators.values(), *self.networks.values()))

    def ms(self, measurement: Measurement) -> float:
        """Milliseconds at the device's usual speed: reference units times `reference_ms`."""
        return measurement.reference_units * self.reference_ms

    def operator_ms(self) -> dict[str, float]:
        """Milliseconds of every operator, by key."""
        return {key: self.ms(measurement) for key, measurement in self.operators.items()}

    def network_ms(self, branch: Branch) -> dict[str, float]:
        """Milliseconds of one branch of every measured network, by the architecture's name."""
        return {name: self.ms(measurement) for (name, of), measurement in self.networks.items() if of == branch}

    def latency_ms(self, operators: Iterable[Operator]) -> float:
        """Sum of the measured latencies of operators, in milliseconds at the device's usual speed.

        Args:
            operators: The operators of one architecture, of one branch or both; repeats count each time.

        Raises:
            MissingOperators: Some operators have no latency; the error lists all of them.
        """
        keys = [op.key for op in operators]
        missing = [key for key in keys if key not in self.operators]
        if missing:
            raise MissingOperators(missing, self.unsupported_operators)
        return sum(self.ms(self.operators[key]) for key in keys)

    def save(self, path: Path) -> None:
        """Write the manifest, then the rows to `path`; since the rows come last, a new table whose rows are there is whole."""
        rows = _rows(self)
        manifest = {
            "format": FORMAT,
            "profile": self.profile.to_json(),
            "reference_ms": self.reference_ms,
            **self.about,
            "flagged": self.flagged,
            "sha256": hashlib.sha256(rows.encode()).hexdigest(),
        }
        write_text(manifest_path(path), json.dumps(manifest, indent=1) + "\n")
        write_text(path, rows)

    @classmethod
    def load(cls, path: Path, family: str | None = None) -> LatencyTable:
        """Read and check a table.

        Args:
            path: The CSV file, with the manifest beside it.
            family: Name of the family that the table must be of; None for any.

        Raises:
            ValueError: A file cannot be read, is incomplete or was changed, or the table is of another family.
        """
        manifest, text = _read(path), _text(path)
        if manifest.get("sha256") != hashlib.sha256(text.encode()).hexdigest():
            raise ValueError(f"checksum of a latency table must be that of its manifest, {path} was changed or cut; measure it again")
        try:
            profile = Profile.from_json(manifest["profile"])
            reference_ms = float(numbers({"reference_ms": manifest["reference_ms"]})["reference_ms"])
            if not _LEAST <= reference_ms <= _MOST:
                raise ValueError(f"reference_ms {reference_ms:g}")
        except (KeyError, TypeError, ValueError) as err:
            raise ValueError(
                f"manifest of a latency table must have a profile and reference_ms, {manifest_path(path)} fails at {err}"
            ) from err
        if family is not None and profile.family != family:
            raise ValueError(f"the latency table must be of family {family}, {path} is of {profile.family}; measure {family}")
        try:
            rows = _parse(text, path)
        except csv.Error as err:
            raise ValueError(f"a latency table must be a CSV file, {path} is not ({err}); measure it again") from err
        operators = {name: m for (kind, name, _), m in rows.items() if kind == "operator" and isinstance(m, Measurement)}
        networks: dict[tuple[str, Branch], Measurement] = {
            (name, branch): m for (kind, name, branch), m in rows.items() if kind == "network" and isinstance(m, Measurement)
        }
        unsupported: dict[tuple[str, Branch], str] = {
            (n, branch): reason for (_, n, branch), reason in rows.items() if isinstance(reason, str)
        }
        about = {k: v for k, v in manifest.items() if k not in ("format", "profile", "reference_ms", "flagged", "sha256")}
        return cls(profile, reference_ms, operators, networks, about, unsupported)


def table_files(tables: Path | str | Iterable[Path | str]) -> list[Path]:
    """The files of tables that are named by path: each .csv with its manifest. Other files are left as they are."""
    paths = named(tables)
    return [*paths, *(manifest_path(path) for path in paths if path.suffix == ".csv")]


def manifest_path(path: Path) -> Path:
    """Path of a table's manifest: that of the table with .json in place of .csv.

    Raises:
        ValueError: The table's name does not end in .csv.
    """
    if path.suffix != ".csv":
        raise ValueError(f"a latency table's name must end in .csv, got {path}; its manifest gets the same name with .json")
    return path.with_suffix(".json")


def _text(path: Path) -> str:
    """The content of a table's file; raises `ValueError` if it cannot be read."""
    try:
        return read_bytes(path).decode("utf-8")
    except (OSError, ValueError) as err:
        raise ValueError(f"a latency table must be a readable text file, {path} is not ({err}); write one with chiptrack measure") from err


def _read(path: Path) -> dict:
    """The manifest of the table at `path`; raises `ValueError` if it is not one of this format."""
    text = _text(manifest_path(path))
    try:
        manifest = parse_record(text)
    except ValueError as err:
        raise ValueError(
            f"manifest of a latency table must be a JSON object, {manifest_path(path)} is not ({err}); measure the table again"
        ) from err
    if manifest.get("format") != FORMAT:
        raise ValueError(f"manifest of a latency table must have format {FORMAT}, {manifest_path(path)} has not; measure the table again")
    return manifest


def _rows(table: LatencyTable) -> str:
    """The content of the CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    named = [("operator", key, key.split(":")[0], m) for key, m in table.operators.items()]
    named += [("network", name, branch, m) for (name, branch), m in table.networks.items()]
    for *names, measurement in named:
        writer.writerow([*names, *(_cell(value) for value in asdict(measurement).values())])
    for (name, branch), reason in table.unsupported.items():
        kind = "operator" if name.startswith(f"{branch}:") else "network"
        writer.writerow([kind, name, branch, *[""] * (len(_VALUES) - 1), _UNSUPPORTED + reason])
    return text.getvalue()


def _cell(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else "" if value is None else value


def _parse(text: str, path: Path) -> dict[tuple[str, str, Branch], Measurement | str]:
    """Read the CSV file.

    Returns:
        A measurement, or the reason why the runtime cannot run it, by (kind, name, branch).

    Raises:
        ValueError: A row is not as this module writes it.
    """
    reader = csv.DictReader(io.StringIO(text))
    # tables that were measured before energy was lack this column
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ()) and name != "energy_mj"]
    if missing:
        raise ValueError(f"a latency table must have the columns {', '.join(COLUMNS)}; {path} lacks {', '.join(missing)}; measure it again")
    if len(set(reader.fieldnames or ())) < len(reader.fieldnames or ()):
        raise ValueError(f"a latency table must have each column once, {path} repeats one; measure it again")
    rows: dict[tuple[str, str, Branch], Measurement | str] = {}
    for row in reader:
        where = f"line {reader.line_num} of {path}"
        kind, name, branch = (row[field] for field in _NAMES)
        if (kind, name, branch) == _NAMES:
            raise ValueError(f"a latency table must have one header, {where} is another; join tables with chiptrack tables merge")
        if kind not in ("operator", "network") or branch not in ("template", "search"):
            raise ValueError(f"kind must be operator or network and branch template or search, got {kind!r:.40}, {branch!r:.40} in {where}")
        if kind == "operator" and not name.startswith(f"{branch}:"):
            raise ValueError(
                f"an operator's name must begin with its branch, got {name!r:.80}, {branch!r} in {where}; measure the table again"
            )
        if (kind, name, branch) in rows:
            raise ValueError(f"a latency table must have one row for each name and branch, {where} repeats {name!r:.120}; remove one")
        if None in row.values() or None in row:
            raise ValueError(f"a row must have {len(reader.fieldnames or ())} cells, {where} has more or fewer; measure the table again")
        flag = row["flag"]
        unsupported = flag.startswith(_UNSUPPORTED)
        rows[kind, name, branch] = flag.removeprefix(_UNSUPPORTED) if unsupported else _measurement(row, where)
    return rows


def _measurement(row: Mapping[str, str], where: str) -> Measurement:
    """The measurement of a row; `where` is its location, for the error."""

    def figure(name: str) -> float:
        try:
            value = float(row[name])
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be a number, got {row[name]!r:.80} in {where}; measure the table again") from None
        if not (_LEAST <= value <= _MOST or name in ("spread", "memory_mb") and 0 <= value < math.inf):
            raise ValueError(
                f"{name} must be positive and finite, got {row[name]:.40} in {where} ({_LEAST:g} to {_MOST:g} is believed); measure the table again"
            )
        return value

    values = {name: figure(name) for name in _FIGURES}
    if not values["runs"].is_integer():
        raise ValueError(f"runs must be a whole number, got {row['runs']:.40} in {where}; measure the table again")
    memory_mb, energy_mj = (figure(name) if row.get(name) else None for name in _OPTIONAL)
    return Measurement(**{**values, "runs": int(values["runs"])}, memory_mb=memory_mb, energy_mj=energy_mj, flag=row["flag"])
