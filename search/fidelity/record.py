"""The record of a fidelity run, `fidelity.json`: what is known of each architecture, and what it was found with."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tracking.files.atomic import write_text
from tracking.files.records import is_number, read_record, typed

_FORMAT = "chiptrack-fidelity-2"


@dataclass(frozen=True)
class Measured:
    """One architecture, with what it costs and how well it does."""

    name: str
    key: str
    macs: int
    """Multiply-adds of the search branch."""
    params: int
    zero_cost: float
    """SynFlow score, logarithm."""
    inherited: float
    """Score with inherited weights; the higher the better."""
    alone: tuple[float, ...]
    """Score after training alone, for each seed."""

    @property
    def alone_mean(self) -> float:
        """Mean score over the seeds."""
        return sum(self.alone) / len(self.alone)


@dataclass(frozen=True)
class Setting:
    """What a fidelity run was found with."""

    family: str
    supernet: str
    """The checkpoint of the supernet, as it was given."""
    paths: str
    """The sampling rule that it was trained with; empty if its checkpoint does not say."""
    supernet_steps: int
    """Steps of its training; 0 if its checkpoint does not say."""
    steps: int
    """Steps of each training alone."""
    seeds: int
    data: str
    """Data of trainings and pairs."""
    pairs: int
    """Number of pairs that all were judged on."""
    metric: str
    """What was judged on them: fit, iou or presence."""


@dataclass(frozen=True)
class Fidelity:
    """All that a fidelity run measured."""

    setting: Setting
    rows: tuple[Measured, ...]
    """From the cheapest architecture to the dearest."""


def save(folder: Path, fidelity: Fidelity, figures: Mapping[str, object]) -> None:
    """Write `fidelity.json` and `fidelity.csv` into a folder.

    Args:
        folder: The folder.
        fidelity: What was measured.
        figures: What follows from it, for readers; it is computed anew when the record is read.
    """
    record = {
        "format": _FORMAT,
        "figures": dict(figures),
        "setting": asdict(fidelity.setting),
        "rows": [asdict(row) for row in fidelity.rows],
    }
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    plain = [field.name for field in fields(Measured) if field.name not in ("name", "alone")]
    table.writerow([*plain, *(f"alone_{i + 1}" for i in range(fidelity.setting.seeds)), "alone_mean", "name"])
    for row in fidelity.rows:
        table.writerow([*(getattr(row, name) for name in plain), *row.alone, row.alone_mean, row.name])
    write_text(folder / "fidelity.csv", text.getvalue())
    write_text(folder / "fidelity.json", json.dumps(record, indent=1) + "\n")


def load(path: Path) -> Fidelity:
    """Read a `fidelity.json`.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not as a fidelity run writes it.
    """
    try:
        record = read_record(path)
        if record.get("format") != _FORMAT:
            raise ValueError(f"its format is {record.get('format')!r:.40}, not {_FORMAT}")
        setting = typed(Setting, record.get("setting"))
        if not isinstance(record.get("rows"), list) or not record["rows"]:
            raise ValueError("it has no rows")
        return Fidelity(setting, tuple(_row(row, setting.seeds) for row in record["rows"]))
    except ValueError as err:
        raise ValueError(
            f"a fidelity record must be as `chiptrack fidelity` writes it, {path} is not ({err!s:.160}); make it again"
        ) from err


def _row(row: object, seeds: int) -> Measured:
    if not isinstance(row, dict) or not isinstance(row.get("alone"), list):
        raise ValueError("a row must be an object with a list `alone`")
    if len(row["alone"]) != seeds or not all(map(is_number, row["alone"])):
        raise ValueError(f"a row must have {seeds} scores alone, got {row['alone']!r:.60}")
    plain = typed(_Plain, {name: value for name, value in row.items() if name != "alone"})
    return Measured(**asdict(plain), alone=tuple(map(float, row["alone"])))


@dataclass(frozen=True)
class _Plain:
    """The fields of a row that are single values."""

    name: str
    key: str
    macs: int
    params: int
    zero_cost: float
    inherited: float

    def __post_init__(self):
        if self.macs < 1 or self.params < 1:
            raise ValueError(f"macs and params must be at least 1, got {self.macs} and {self.params}")
