"""Annotations as one JSON file for a benchmark, in the form that pysot-toolkit made common.

    {"SEQUENCE": {"gt_rect": [[x, y, w, h], ...], "absent": [1, ...], "attr": ["OCC", ...], "width": 640, "height": 480,
                  "occlusion": [0, ...], ...}, ...}

Regions have four or eight numbers. Other than its name says, `absent` is 1 where the target is in sight (rule P4).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracking.benchmarks.benchmark import Truth
from tracking.benchmarks.reading.names import check_name
from tracking.files.annotations import LARGEST
from tracking.files.records import read_bytes

_MOST_BYTES = 400_000_000
"""Largest file that is read: LaSOT's, of 1,400 long sequences with the names of their images, has some 200 MB."""
TAGS = ("camera_motion", "illum_change", "motion_change", "size_change", "occlusion")
"""Attributes that VOT marks frame by frame."""
NO_TAG = "empty"
"""VOT's name for frames with none of these."""
_WAY_OUT = "give the benchmark's JSON of pysot-toolkit, its folder, or a folder of SEQUENCE.txt"


def read_json(path: Path) -> dict[str, Truth]:
    """Read a JSON file of annotations.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no such file.
    """
    try:
        record = json.loads(read_bytes(path, _MOST_BYTES))
    except (ValueError, RecursionError) as err:
        raise ValueError(f"annotations must be JSON, {path} is none ({err!s:.100}); {_WAY_OUT}") from err
    if not isinstance(record, dict) or not record:
        raise ValueError(f"annotations must be an object of sequences, {path} is none; {_WAY_OUT}")
    truths = {}
    for name in list(record):
        truths[name] = _truth(name, record.pop(name), path)  # what has been read makes room
    return truths


def _truth(name: str, entry: Any, path: Path) -> Truth:
    check_name(name, path)
    if not isinstance(entry, dict) or not isinstance(entry.get("gt_rect"), list) or not entry["gt_rect"]:
        raise ValueError(f"a sequence must have gt_rect, a list of regions, {name!r:.60} in {path} has none; {_WAY_OUT}")
    regions = regions_of(entry["gt_rect"], f"{name} in {path}")
    present = _flags(entry, "absent", len(regions), path, name)
    tags = tags_of({tag: np.array(_list(entry, tag, path, name)) == 1 for tag in TAGS}, len(regions))
    attributes = entry.get("attr", [])
    size = (entry.get("width"), entry.get("height"))
    return Truth(
        name,
        regions,
        None if present is None else ~present,
        size if all(isinstance(side, int) and side > 0 for side in size) else None,  # type: ignore[arg-type]
        frozenset(str(attribute) for attribute in attributes if attribute != "ALL") if isinstance(attributes, list) else frozenset(),
        tags,
    )


def regions_of(rows: Sequence, source: object) -> np.ndarray:
    """Regions of lists of four or eight numbers; None and NaN stand for numbers that are missing.

    Raises:
        ValueError: A row is no such list.
    """
    widths = {len(row) if isinstance(row, list) else 0 for row in rows}
    if not widths <= {4, 8}:
        raise ValueError(f"a true region must be 4 numbers x,y,w,h or 8 of a polygon, {source} holds other rows; {_WAY_OUT}")
    widest = max(widths)
    try:
        regions = np.array([row if len(row) == widest else [*row, *[np.nan] * 4] for row in rows], np.float64)
    except (TypeError, ValueError, OverflowError) as err:
        raise ValueError(f"a true region must consist of numbers, that of {source} does not; {_WAY_OUT}") from err
    if (np.abs(np.nan_to_num(regions)) > LARGEST).any():
        raise ValueError(f"a coordinate must be at most {LARGEST:g} px, {source} holds a larger one; {_WAY_OUT}")
    return regions


def tags_of(marks: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Attributes of `count` frames, of marks that may end early, as VOT's files do; those that hold nowhere are left out."""
    tags = {tag: np.pad(held[:count], (0, max(count - len(held), 0))).astype(bool) for tag, held in marks.items() if held.any()}
    return {**tags, NO_TAG: ~np.any(list(tags.values()), axis=0)} if tags else {}


def read_sizes(path: Path) -> dict[str, tuple[int, int]]:
    """Read sizes of images, `{"SEQUENCE": [width, height], ...}`.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no such file.
    """
    try:
        record = json.loads(read_bytes(path))
        return {name: (int(width), int(height)) for name, (width, height) in record.items()}
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError) as err:
        raise ValueError(f'sizes of images must be JSON {{"SEQUENCE": [width, height]}}, {path} is none; check the path') from err


def _list(entry: dict, key: str, path: Path, name: str) -> list:
    values = entry.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, int) for value in values):
        raise ValueError(f"{key} must be a list of 0 and 1, that of {name!r:.60} in {path} is none; mend or remove it")
    return values


def _flags(entry: dict, key: str, count: int, path: Path, name: str) -> np.ndarray | None:
    values = entry.get(key)
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != count or not all(value in (0, 1) for value in values):
        raise ValueError(f"{key} must say 0 or 1 for each of the {count} frames of {name}, {path} does not; mend or remove it")
    return np.array(values, bool)
