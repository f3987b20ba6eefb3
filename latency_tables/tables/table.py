"""A latency table: what every operator of a family and some whole networks cost under one profile. Owns its file format.

`TABLE.csv` has one row for each operator and for each branch of each network; what the runtime cannot run has a row without
figures that says why. `TABLE.json` beside it, the manifest, says what the rows are valid for and how they were measured, and
carries the checksum of the rows.
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
from tracking.files.records import parse_record

FORMAT = 2
_NAMES = ("kind", "name", "branch")
_VALUES = tuple(field.name for field in fields(Measurement))
_OPTIONAL = ("memory_mb", "energy_mj")
_FIGURES = tuple(name for name in _VALUES if name not in (*_OPTIONAL, "flag"))
_UNSUPPORTED = "unsupported: "
_LEAST, _MOST = 1e-9, 1e9
"""Of times, in milliseconds and reference units: sums and ratios of what lies between them are finite."""
COLUMNS = (*_NAMES, *_VALUES)
"""Of the CSV: `kind` is operator or network, `name` an operator's key or an architecture's name; then a `Measurement`."""


class MissingOperators(ValueError):
    """Operators that a table has no time for.

    Args:
        keys: All of them.
        reasons: Why, for those that the runtime does not support.
    """

    def __init__(self, keys: Iterable[str], reasons: Mapping[str, str] | None = None):
        self.keys = tuple(sorted(set(keys)))
        known = {key: reasons[key] for key in self.keys if reasons and key in reasons}
        way_out = f"the runtime has no {next(iter(known))} ({next(iter(known.values()))}), avoid it" if known else "measure it again"
        super().__init__(f"the latency table must have every operator, {len(self.keys)} missing: {' '.join(self.keys)}; {way_out}")


@dataclass(frozen=True)
class LatencyTable:
    """Measured operators and networks of one family under one profile."""

    profile: Profile
    reference_ms: float
    """Median time of the reference model during the measurement: what one reference unit is worth."""
    operators: Mapping[str, Measurement]
    """By the operator's key."""
    networks: Mapping[tuple[str, Branch], Measurement]
    """By the architecture's name and branch."""
    about: Mapping[str, Any]
    """How, when and with which versions it was measured."""
    unsupported: Mapping[tuple[str, Branch], str] = field(default_factory=dict)
    """Why the runtime cannot run an operator or a network, by its key or name and its branch."""

    @property
    def unsupported_operators(self) -> dict[str, str]:
        """Why the runtime cannot run an operator, by its key."""
        return {name: reason for (name, branch), reason in self.unsupported.items() if name.startswith(f"{branch}:")}

    @property
    def flagged(self) -> int:
        """Number of rows with a flag."""
        return sum(bool(m.flag) for m in (*self.operators.values(), *self.networks.values()))

    def ms(self, measurement: Measurement) -> float:
        """Milliseconds at the device's usual speed: reference units times `reference_ms`."""
        return measurement.reference_units * self.reference_ms

    def operator_ms(self) -> dict[str, float]:
        """Milliseconds of every operator, by key."""
        return {key: self.ms(measurement) for key, measurement in self.operators.items()}

    def network_ms(self, branch: Branch) -> dict[str, float]:
        """Milliseconds of one branch of every measured network, by name."""
        return {name: self.ms(measurement) for (name, of), measurement in self.networks.items() if of == branch}

    def latency_ms(self, operators: Iterable[Operator]) -> float:
        """Sum the measured latency of operators.

        Args:
            operators: Those of one architecture, of one branch or both; repeats count each time.

        Raises:
            MissingOperators: Some operator has no row; the error lists every one.
        """
        keys = [op.key for op in operators]
        missing = [key for key in keys if key not in self.operators]
        if missing:
            raise MissingOperators(missing, self.unsupported_operators)
        return sum(self.ms(self.operators[key]) for key in keys)

    def save(self, path: Path) -> None:
        """Write the rows to `path` and the manifest beside it; the rows come last, so where they are the table is whole."""
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
            path: The CSV; the manifest lies beside it.
            family: The family that it must be of, where the caller has one.

        Raises:
            ValueError: The files are not a whole, unchanged table of that family.
        """
        manifest, text = _read(path), _text(path)
        if manifest.get("sha256") != hashlib.sha256(text.encode()).hexdigest():
            raise ValueError(f"checksum of a latency table must be that of its manifest, {path} was changed or cut; measure it again")
        try:
            profile = Profile.from_json(manifest["profile"])
            reference_ms = float(manifest["reference_ms"])
            if reference_ms <= 0:
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


def manifest_path(path: Path) -> Path:
    """Where the manifest of a table lies.

    Raises:
        ValueError: The table's name does not end in .csv.
    """
    if path.suffix != ".csv":
        raise ValueError(f"a latency table's name must end in .csv, got {path}; its manifest gets the same name with .json")
    return path.with_suffix(".json")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ValueError(f"a latency table must be a readable text file, {path} is not ({err}); write one with chiptrack measure") from err


def _read(path: Path) -> dict:
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
    reader = csv.DictReader(io.StringIO(text))
    # tables of before there was energy lack its column
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ()) and name != "energy_mj"]
    if missing:
        raise ValueError(f"a latency table must have the columns {', '.join(COLUMNS)}; {path} lacks {', '.join(missing)}; measure it again")
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
    def figure(name: str) -> float:
        try:
            value = float(row[name])
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be a number, got {row[name]!r:.80} in {where}; measure the table again") from None
        if not (_LEAST <= value <= _MOST or name in ("spread", "memory_mb") and 0 <= value < math.inf):
            raise ValueError(
                f"{name} must be positive and finite, got {row[name]} in {where} ({_LEAST:g} to {_MOST:g} is believed); measure the table again"
            )
        return value

    values = {name: figure(name) for name in _FIGURES}
    memory_mb, energy_mj = (figure(name) if row.get(name) else None for name in _OPTIONAL)
    return Measurement(**{**values, "runs": int(values["runs"])}, memory_mb=memory_mb, energy_mj=energy_mj, flag=row["flag"])
