"""Folders and zip files, read in the same way: servers take zips, and people keep what they handed in."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

from tracking.files.records import MOST_BYTES, read_bytes


class Store(Protocol):
    """Files by name; names are relative, with slashes."""

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            OSError: There is no such file, or it cannot be read.
            ValueError: It is too long.
        """
        ...

    def folders(self, name: str = "") -> list[str]:
        """Names of the folders in a folder, sorted; without a name, in the store itself."""
        ...

    def files(self, name: str = "") -> list[str]:
        """Names of the files in a folder, sorted; empty if there is no such folder."""
        ...


class Folder:
    """A folder of the file system."""

    def __init__(self, path: Path):
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def read(self, name: str) -> bytes:
        return read_bytes(self.path / name)

    def folders(self, name: str = "") -> list[str]:
        return self._listed(name, folders=True)

    def files(self, name: str = "") -> list[str]:
        return self._listed(name, folders=False)

    def _listed(self, name: str, folders: bool) -> list[str]:
        path = self.path / name
        if not path.is_dir():
            return []
        with os.scandir(path) as entries:
            return sorted(_join(name, entry.name) for entry in entries if entry.is_dir() == folders)


class Zip:
    """A zip file."""

    def __init__(self, path: Path):
        """Open a zip file.

        Raises:
            OSError: It cannot be read.
            ValueError: It is no zip file.
        """
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as err:
            raise ValueError(f"results must be a folder or a zip of it, {path} is no zip file; check the path") from err
        self._names = [name for name in self._zip.namelist() if not name.endswith("/")]

    def __str__(self) -> str:
        return str(self.path)

    def read(self, name: str) -> bytes:
        try:
            with self._zip.open(name) as file:
                content = file.read(MOST_BYTES + 1)
        except (KeyError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as err:  # RuntimeError: it needs a password
            raise ValueError(f"a zip of results must be whole, {name:.80} cannot be read in {self.path}; make it again") from err
        if len(content) > MOST_BYTES:
            raise ValueError(f"a file of results must not be longer than {MOST_BYTES // 10**6} MB, {name:.80} in {self.path} is")
        return content

    def folders(self, name: str = "") -> list[str]:
        start = f"{name}/" if name else ""
        below = [each[len(start) :].partition("/") for each in self._names if each.startswith(start)]
        return sorted({start + first for first, slash, _ in below if slash})

    def files(self, name: str = "") -> list[str]:
        start = f"{name}/" if name else ""
        return sorted(each for each in self._names if each.startswith(start) and "/" not in each[len(start) :])


def opened(path: Path) -> Store:
    """A folder or a zip file as a store.

    Raises:
        FileNotFoundError: There is neither.
        ValueError: It is a file, but no zip.
    """
    path = Path(path)
    if path.is_dir():
        return Folder(path)
    if path.is_file():
        return Zip(path)
    raise FileNotFoundError(f"results must be a folder or a zip of it, {path} is neither; check the path")


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
