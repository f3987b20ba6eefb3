"""What is fuzzed: a reader of ours, with a valid input from our own writers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Files = dict[str, bytes]
"""Contents of the files of one input, by path below its folder."""


@dataclass(frozen=True)
class Reader:
    """A reader of ours."""

    name: str
    make: Callable[[], Files]
    """Makes a valid input."""
    read: Callable[[Path], object]
    """Reads an input from its folder as chiptrack does, and uses what it read where a wrong value would show only then."""
    targets: tuple[str, ...]
    """Names of the files that are spoiled; a repeated one is spoiled more often."""
    kinds: dict[str, str] = field(default_factory=dict)
    """Suffix by which a file is spoiled, where it differs from its own."""
    repair: Callable[[Files], Files] = lambda files: files
    """Makes the checksums of a spoiled input fit again, as an attacker would."""
    also: tuple[type[Exception], ...] = ()
    """Exceptions, besides ValueError and OSError, that the reader's documentation names."""


def files_of(folder: Path) -> Files:
    """Contents of all files of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def write_files(files: Files, folder: Path) -> None:
    """Write the files of an input into a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
