"""Finding an architecture by what a person types: an official name, a preset, or an architecture file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from supernet.families import FAMILIES
from supernet.space import Architecture
from tracking.atomic import write_text
from tracking.records import read_record

PRESETS = {"lighttrack-mobile": "back_04502514044521042540+cls_211000022+reg_100000111_ops_32"}
"""Published architectures by short name. Source: LightTrack's public code."""


def find_architecture(text: str) -> Architecture:
    """Turn a name, preset or file into an architecture.

    Args:
        text: An official name (`nano:` before it for the small family), a key of `PRESETS`, or the path of a `.json` file.

    Raises:
        FileNotFoundError: The `.json` file does not exist.
        ValueError: The text names no architecture.
    """
    if text.endswith(".json"):
        return _read(Path(text))
    name = PRESETS.get(text, text)
    if "back_" not in name:
        raise ValueError(
            f"an architecture is an official name (back_...+cls_...+reg_..._ops_..), a preset ({', '.join(PRESETS)}) or a .json file, got {text!r}"
        )
    family = next((f for f in FAMILIES.values() if f.prefix and name.startswith(f.prefix)), FAMILIES["lighttrack"])
    return family.parse(name)


def save_architecture(path: Path, arch: Architecture, notes: Mapping[str, object] | None = None) -> None:
    """Write an architecture file; `notes` (scores, origin) stand beside what defines it."""
    write_text(path, json.dumps({**arch.to_json(), **(notes or {})}, indent=1) + "\n")


def from_json(record: object, source: str) -> Architecture:
    """The architecture of a record as `Architecture.to_json` makes it.

    Args:
        record: Decoded JSON.
        source: Where it comes from, for the error.

    Raises:
        ValueError: The record is not an architecture, or its name and choices disagree.
    """
    if not isinstance(record, dict) or not {"family", "name"} <= record.keys():
        raise ValueError(f"an architecture record must have the keys family and name, {source} has not; write it with `chiptrack search`")
    family = FAMILIES.get(str(record["family"]))
    if family is None:
        raise ValueError(f"an architecture's family must be one of {', '.join(FAMILIES)}, got {record['family']!r} in {source}")
    arch = family.parse(str(record["name"]))
    if "choices" in record and record["choices"] != dict(arch.choices):
        raise ValueError(f"name and choices of an architecture must agree, in {source} they do not; remove one of the two")
    return arch


def _read(path: Path) -> Architecture:
    if not path.is_file():
        raise FileNotFoundError(f"an architecture file must exist, {path} does not; check the path")
    try:
        record = read_record(path)
    except ValueError as err:
        raise ValueError(f"an architecture file must be a JSON object, {path} is not ({err}); write it with `chiptrack search`") from err
    return from_json(record, str(path))
