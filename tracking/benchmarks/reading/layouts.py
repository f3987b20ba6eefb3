"""Where the result files of one tracker lie: a file for each sequence, or a folder for each with one file for each repetition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tracking.benchmarks.reading.names import some
from tracking.benchmarks.reading.stores import Folder, Store, opened

_DEPTH = 3
"""How far below a given folder results are looked for."""


class Layout(Protocol):
    """One way to arrange result files."""

    @property
    def form(self) -> str:
        """How it looks, for messages."""
        ...

    def find(self, store: Store, folder: str, sequences: Iterable[str]) -> dict[str, list[str]]:
        """The files of each sequence that has some, in the order of repetitions."""
        ...

    def tracker(self, path: str) -> str:
        """Name of the tracker whose results lie in a folder."""
        ...


@dataclass(frozen=True)
class FilePerSequence:
    """`TRACKER/SEQUENCE.txt`, as one-pass benchmarks have it."""

    form: str = "TRACKER/SEQUENCE.txt"

    def find(self, store: Store, folder: str, sequences: Iterable[str]) -> dict[str, list[str]]:
        stems = {name.rpartition("/")[2][:-4]: name for name in store.files(folder) if name.lower().endswith(".txt")}
        return {sequence: [stems[stem]] for sequence, stem in _matched(sequences, stems).items()}

    def tracker(self, path: str) -> str:
        return path.rpartition("/")[2]


@dataclass(frozen=True)
class FolderPerSequence:
    """`TRACKER/SEQUENCE/SEQUENCE_001.txt`, as GOT-10k and VOT have it; VOT puts a folder for each experiment between."""

    experiment: str = ""
    """Name of the folder between the tracker's and the sequences', such as `baseline`; results may also lie without it."""

    @property
    def form(self) -> str:
        return "/".join(filter(None, ("TRACKER", self.experiment, "SEQUENCE/SEQUENCE_001.txt")))

    def find(self, store: Store, folder: str, sequences: Iterable[str]) -> dict[str, list[str]]:
        inside = "/".join(filter(None, (folder, self.experiment)))
        names = {name.rpartition("/")[2]: name for name in store.folders(inside if inside in store.folders(folder) else folder)}
        found = {sequence: self._repetitions(store, names[name]) for sequence, name in _matched(sequences, names).items()}
        return {sequence: files for sequence, files in found.items() if files}

    def tracker(self, path: str) -> str:
        above, _, name = path.rpartition("/")
        return above.rpartition("/")[2] if name == self.experiment and above else name

    @staticmethod
    def _repetitions(store: Store, folder: str) -> list[str]:
        name = re.escape(folder.rpartition("/")[2])
        return [file for file in store.files(folder) if re.fullmatch(rf"{name}_\d+\.txt", file.rpartition("/")[2])]


def find_trackers(path: Path, layout: Layout, sequences: Iterable[str]) -> dict[str, tuple[Store, str]]:
    """Find the trackers whose results lie in a folder, or a little below it.

    Args:
        path: Folder of a tracker, folder of several, or zip file of one.
        layout: How their files are arranged.
        sequences: Names of sequences.

    Returns:
        By name of the tracker, where its files are; empty if no sequence has a file.

    Raises:
        OSError: There is no such folder.
        ValueError: It is a file, but no zip.
    """
    store, sequences = opened(path), list(sequences)
    level = [""]
    for _ in range(_DEPTH + 1):
        found = [folder for folder in level if layout.find(store, folder, sequences)]
        if found:
            where = str(path.resolve()) if isinstance(store, Folder) else path.stem
            names = [layout.tracker("/".join(filter(None, (where, folder)))) for folder in found]
            if not isinstance(store, Folder) and len(found) == 1:
                names = [path.stem]
            if len(set(names)) < len(names):  # such as PARAMETERS in TRACKER/PARAMETERS/SEQUENCE.txt
                names = found
            return {name: (store, folder) for name, folder in zip(names, found, strict=True)}
        level = [folder for above in level for folder in store.folders(above)]
    return {}


def files_of(path: Path, layout: Layout, sequences: Iterable[str], benchmark: str) -> dict[str, list[tuple[str, bytes]]]:
    """Read the result files of one tracker, which has some for every sequence.

    Args:
        path: Its folder or zip file.
        layout: How the files are arranged.
        sequences: Names of all sequences.
        benchmark: Name of the benchmark, for messages.

    Returns:
        For each sequence, names and contents of its files, one a repetition.

    Raises:
        OSError: A file cannot be read.
        ValueError: Results are missing, or lie in another way.
    """
    sequences = list(sequences)
    trackers = find_trackers(path, layout, sequences)
    if not trackers:
        held = _some(Path(path))
        raise ValueError(
            f"results of {benchmark} must lie as {layout.form}, {path} has none for its {len(sequences)} sequences"
            + (f", but {held:.80}" if held else "")
            + "; check --results and --annotations"
        )
    if len(trackers) > 1:
        raise ValueError(f"results must be of one tracker, {path} holds {some(list(trackers))}; name the folder of one")
    store, folder = next(iter(trackers.values()))
    found = layout.find(store, folder, sequences)
    missing = [sequence for sequence in sequences if sequence not in found]
    if missing:
        raise ValueError(
            f"every sequence of {benchmark} must have results, {len(missing)} of {len(sequences)} have none in {path}: "
            f"{some(missing)}; track them, or give annotations of fewer sequences"
        )
    return {sequence: [(f"{store}/{name}", store.read(name)) for name in names] for sequence, names in found.items()}


def _some(path: Path) -> str:
    """A file that a folder holds, for messages."""
    store = opened(path)
    level = [""]
    for _ in range(_DEPTH + 1):
        files = [file for folder in level for file in store.files(folder)]
        if files:
            return files[0]
        level = [folder for above in level for folder in store.folders(above)][:100]
    return ""


def _matched(sequences: Iterable[str], names: Mapping[str, str]) -> dict[str, str]:
    """The name under which each sequence appears: its own, or one that differs in case or punctuation (`Jogging.1`, `Jogging-1`)."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(_plain(name), []).append(name)
    found = {}
    for sequence in sequences:
        candidates = [sequence] if sequence in names else alike.get(_plain(sequence), [])
        if len(candidates) == 1:
            found[sequence] = candidates[0]
    return found


def _plain(name: str) -> str:
    return re.sub(r"[._\s-]+", "-", name).casefold()
