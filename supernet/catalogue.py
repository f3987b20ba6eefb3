"""Finds a family or an architecture by what a person types: a name, a preset, or an architecture file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from supernet.families import FAMILIES
from supernet.families.family import Family
from supernet.space import Architecture
from tracking.files.atomic import write_text
from tracking.files.records import read_record


def find_family(name: object, where: str = "") -> Family:
    """Look up a family by its name.

    Args:
        name: Name that a person or a file gave; it may be of any type.
        where: The file that gave it, for the error message; empty if a person did.

    Raises:
        ValueError: No family has this name.
    """
    if not isinstance(name, str) or name not in FAMILIES:
        found = f" in {where}" if where else ""
        raise ValueError(f"a family must be one of {', '.join(FAMILIES)}, got {name!r:.80}{found}; choose one of these")
    return FAMILIES[name]


def find_architecture(text: str) -> Architecture:
    """Turn a name, preset or file into an architecture.

    Args:
        text: A name as a family spells it, a preset such as `lighttrack-mobile`, or the path of a `.json` file.

    Raises:
        FileNotFoundError: The `.json` file does not exist.
        ValueError: The text names no architecture, or the file holds none.
    """
    if text.endswith(".json"):
        return _read(Path(text))
    presets = {preset: name for family in FAMILIES.values() for preset, name in family.presets.items()}
    name = presets.get(text, text)
    for family in FAMILIES.values():
        if family.recognises(name):
            return family.parse(name)
    raise ValueError(
        f"an architecture is an official name (back_...+cls_...+reg_..._ops_..), a preset ({', '.join(presets)}), FAMILY:SPELLING "
        f"with a family of {', '.join(FAMILIES)}, or a .json file, got {text!r:.80}"
    )


def is_named(family: Family, name: str) -> bool:
    """Whether a text is the name of an architecture of this family."""
    try:
        family.parse(name)
    except ValueError:
        return False
    return True


def save_architecture(path: Path, arch: Architecture, notes: Mapping[str, object] | None = None) -> None:
    """Write an architecture file, with `notes` such as scores or origin beside the fields that define the architecture."""
    write_text(path, json.dumps({**arch.to_json(), **(notes or {})}, indent=1) + "\n")


def from_json(record: object, source: str) -> Architecture:
    """Turn a record that `Architecture.to_json` made into an architecture.

    Args:
        record: Decoded JSON, which must have a family, and choices or a name.
        source: Where the record comes from, for the error message.

    Raises:
        ValueError: The record is not an architecture, or its name and choices disagree.
    """
    if not isinstance(record, dict) or "family" not in record or not {"name", "choices"} & record.keys():
        raise ValueError(
            f"an architecture record must have a family, and choices or a name, {source} has not; write it with `chiptrack search`"
        )
    family = find_family(record["family"], source)
    if not isinstance(record.get("name", ""), str):
        raise ValueError(f"the name of an architecture must be a text, in {source} it is {record['name']!r:.80}; search anew")
    named = family.parse(record["name"]) if "name" in record else None
    if "choices" not in record and named is not None:
        return _with_key(named, record, source)
    if not isinstance(record["choices"], dict):
        raise ValueError(f"choices of an architecture must be an object of labels and values, in {source} they are not; search anew")
    if named is not None and record["choices"] != dict(named.choices):
        raise ValueError(f"name and choices of an architecture must agree, in {source} they do not; remove one of the two")
    if named is not None:
        return _with_key(named, record, source)
    try:
        family.space.check(record["choices"])
    except ValueError as err:
        raise ValueError(f"choices of an architecture must be of its family {family.name}, in {source} they are not: {err!s:.200}") from err
    return _with_key(family.architecture(record["choices"]), record, source)


def _with_key(architecture: Architecture, record: dict, source: str) -> Architecture:
    """The architecture of a record, whose key, if it states one, must be the architecture's."""
    if record.get("key", architecture.key) != architecture.key:
        raise ValueError(f"key and choices of an architecture must agree, in {source} they do not; remove the key")
    return architecture


def _read(path: Path) -> Architecture:
    if not path.is_file():
        raise FileNotFoundError(f"an architecture file must exist, {path} does not; check the path")
    try:
        record = read_record(path)
    except ValueError as err:
        raise ValueError(
            f"an architecture file must be a JSON object, {path} is not ({err!s:.120}); write it with `chiptrack search`"
        ) from err
    return from_json(record, str(path))
