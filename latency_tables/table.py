"""A latency table: what every operator of a family and some whole networks cost under one profile. Owns its file format.

`TABLE.csv` has one row for each operator and for each branch of each network. `TABLE.json` beside it, the manifest, says what
the rows are valid for and how they were measured, and carries the checksum of the rows.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from latency_tables.profile import Profile
from latency_tables.timing import Measurement
from supernet.operators import Branch, Operator
from tracking.atomic import write_text
from tracking.records import parse_record

FORMAT = 1
_NAMES = ("kind", "name", "branch")
_VALUES = tuple(field.name for field in fields(Measurement))
COLUMNS = (*_NAMES, *_VALUES)
"""Of the CSV: `kind` is operator or network, `name` an operator's key or an architecture's name; then a `Measurement`."""


class MissingOperators(ValueError):
    """Operators that a table has no row for."""

    def __init__(self, keys: Iterable[str]):
        self.keys = tuple(sorted(set(keys)))
        super().__init__(f"the latency table must have every operator, {len(self.keys)} missing: {' '.join(self.keys)}; measure it again")


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
            raise MissingOperators(missing)
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
            raise ValueError(f"checksum of a latency table must be that of its manifest, {path} was changed; measure it again")
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
        operators = {name: m for (kind, name, _), m in rows.items() if kind == "operator"}
        networks: dict[tuple[str, Branch], Measurement] = {
            (name, branch): m for (kind, name, branch), m in rows.items() if kind == "network"
        }
        about = {k: v for k, v in manifest.items() if k not in ("format", "profile", "reference_ms", "flagged", "sha256")}
        return cls(profile, reference_ms, operators, networks, about)


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
        writer.writerow([*names, *(f"{v:.6g}" if isinstance(v, float) else v for v in asdict(measurement).values())])
    return text.getvalue()


def _parse(text: str, path: Path) -> dict[tuple[str, str, Branch], Measurement]:
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(f"a latency table must have the columns {', '.join(COLUMNS)}; {path} lacks {', '.join(missing)}; measure it again")
    rows: dict[tuple[str, str, Branch], Measurement] = {}
    for row in reader:
        where = f"line {reader.line_num} of {path}"
        kind, name, branch = (row[field] for field in _NAMES)
        if kind not in ("operator", "network") or branch not in ("template", "search"):
            raise ValueError(f"kind must be operator or network and branch template or search, got {kind!r}, {branch!r} in {where}")
        if (kind, name, branch) in rows:
            raise ValueError(f"a latency table must have one row for each name and branch, {where} repeats {name}; remove one")
        rows[kind, name, branch] = _measurement(row, where)
    return rows


def _measurement(row: Mapping[str, str], where: str) -> Measurement:
    values = {}
    for name in ("cpu_ms", "wall_ms", "reference_units", "spread", "p95_ms", "runs"):
        try:
            values[name] = float(row[name])
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be a number, got {row[name]!r} in {where}; measure the table again") from None
        if not (math.isfinite(values[name]) and values[name] >= 0 and (values[name] > 0 or name == "spread")):
            raise ValueError(f"{name} must be positive and finite, got {row[name]} in {where}; measure the table again")
    return Measurement(**{**values, "runs": int(values["runs"])}, flag=row["flag"] or "")
