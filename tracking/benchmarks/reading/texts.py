"""Annotations as text files: a folder of SEQUENCE.txt, labels of frames, and folders of sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tracking.benchmarks.benchmark import Truth
from tracking.benchmarks.reading.names import check_name, some
from tracking.benchmarks.reading.records import read_json
from tracking.benchmarks.reading.rows import parse_rows
from tracking.files.records import read_bytes

Own = Callable[[Path], dict[str, Truth]]
"""Reads the benchmark's own folder; empty if it is not arranged so."""


def read_truths(path: Path, own: Own | None = None) -> dict[str, Truth]:
    """Read annotations in whichever form they have.

    Args:
        path: A JSON file as pysot-toolkit has it, the benchmark's own folder, a folder of SEQUENCE.txt, or a folder with one such
            JSON file.
        own: Reads the benchmark's own folder; None if it has none.

    Raises:
        OSError: Something cannot be read.
        ValueError: It has none of these forms.
    """
    path = Path(path)
    if path.is_file():
        return read_json(path)
    if not path.is_dir():
        raise FileNotFoundError(f"annotations must be a JSON file or a folder, {path} is neither; check the path")
    truths = (own(path) if own else {}) or read_folder(path)
    records = [each for each in path.glob("*.json") if not each.stem.endswith("_sizes")]
    if not truths and len(records) == 1:
        truths = read_json(records[0])
    if not truths:
        raise ValueError(
            f"annotations must be the benchmark's own folder, a pysot-style JSON or a folder of SEQUENCE.txt, {path} is none; check it"
        )
    return truths


def read_folder(folder: Path) -> dict[str, Truth]:
    """Read a folder of SEQUENCE.txt.

    `absent/SEQUENCE.txt` beside it says 1 for frames in which the target is out of sight. `att/SEQUENCE.txt` says 1 for each attribute that
    the sequence has, and `att/names.txt` how these are called; without it they are numbered.
    """
    truths, names = {}, read_list(folder / "att/names.txt")
    for file in sorted(folder.glob("*.txt")):
        name = file.stem
        if file.name in ("list.txt", "testing_set.txt", "training_set.txt", "README.txt") or file.name.startswith("."):
            continue
        check_name(name, folder)
        regions = read_regions(file)
        absent = read_flags(folder / "absent" / file.name, len(regions))
        if absent is None and (folder / "absent").is_dir():
            raise ValueError(
                f"every sequence must have its file in {folder / 'absent'}, {file.name} is missing; add it or remove the folder"
            )
        truths[name] = Truth(name, regions, absent, None, _attributes(folder / "att" / file.name, names))
    return truths


def _attributes(file: Path, names: Sequence[str]) -> frozenset[str]:
    held = read_numbers(file)
    if held is None:
        return frozenset()
    if names and len(names) != len(held):
        raise ValueError(f"att/names.txt must name each attribute, it names {len(names)} of the {len(held)} in {file}; mend or remove it")
    return frozenset(np.array(names or [f"attribute {i}" for i in range(1, len(held) + 1)])[held == 1].tolist())


def read_regions(file: Path) -> np.ndarray:
    """Read a text file of true regions, four or eight numbers a row.

    Raises:
        OSError: It cannot be read.
        ValueError: A row has another number of numbers.
    """
    rows = parse_rows(read_bytes(file), file)
    wrong = np.flatnonzero(~np.isin(rows.widths, (4, 8)))
    if wrong.size:
        raise ValueError(f"a true region must be 4 numbers x,y,w,h or 8 of a polygon, row {wrong[0] + 1} of {file} is not; check the file")
    return rows.values


def read_numbers(file: Path) -> np.ndarray | None:
    """The numbers of a text file, in one row or one column, as one array; None if there is no file."""
    return parse_rows(read_bytes(file), file).values.ravel() if file.is_file() else None


def read_flags(file: Path, count: int) -> np.ndarray | None:
    """Read a file of `count` zeros and ones; None if there is none.

    Raises:
        ValueError: It holds more, fewer or other numbers.
    """
    values = read_numbers(file)
    if values is not None and (len(values) != count or not np.isin(values, (0, 1)).all()):
        raise ValueError(f"{file} must hold {count} zeros and ones, it holds {len(values)} numbers; mend or remove it")
    return None if values is None else values.astype(bool)


def read_list(file: Path) -> list[str]:
    """Names in a file, one a line; empty if there is no file."""
    lines = read_bytes(file).decode("utf-8", "replace").splitlines() if file.is_file() else []
    return [line.strip() for line in lines if line.strip()]


def sequence_folders(root: Path) -> dict[str, Path]:
    """Folders with a `groundtruth.txt`, by name: those that `list.txt` names if it is there, which must all exist; empty if none does."""
    folders = {file.parent.name: file.parent for file in sorted(root.glob("*/groundtruth.txt"))}
    listed = read_list(root / "list.txt") if folders else []
    missing = [name for name in listed if name not in folders]
    if missing:
        raise ValueError(
            f"every sequence of list.txt must have groundtruth.txt, {len(missing)} of {len(listed)} in {root} have none: "
            f"{some(missing)}; add them or shorten the list"
        )
    return {name: folders[name] for name in listed or folders}
