"""What a verb reads and what it writes, declared in its signature, and the check that no result replaces what is read.

    @guarded
    def fit(table: Annotated[Path, Reads()], *, out: Annotated[Path, Writes()]) -> dict: ...

Fields of a dataclass among the parameters may be declared in the same way. Files are compared by what the file system says that they are,
so that links, other spellings of a name and case-insensitive file systems make no difference.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
import stat
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tracking.files.atomic import is_stream

Verb = TypeVar("Verb", bound=Callable)
Identity = tuple[int, int]
"""Device and inode: equal for two paths exactly if they lead to the same file or folder."""


def named(value: Any) -> list[Path]:
    """The paths that a parameter names: none, one or several."""
    return [] if value is None else [Path(value)] if isinstance(value, (str, Path)) else [Path(each) for each in value]


@dataclass(frozen=True)
class Reads:
    """Declares that a parameter names files or folders that are read. What is no path, or leads nowhere, is not looked at."""

    files: Callable[[Any], Iterable[Path]] = named
    """The paths, from the value of the parameter."""
    beside: bool = False
    """Whether results may lie in the folder, beside what is read in it, as with the root of a data set."""


@dataclass(frozen=True)
class Writes:
    """Declares that a parameter names a file that is written."""

    files: Callable[[Any], Iterable[Path]] = named
    """The paths, from the value of the parameter, such as a file and its journal."""
    folder: bool = False
    """Whether a folder is written in place of a file."""


def guarded(verb: Verb) -> Verb:
    """Have a function check, before it begins, that what it is to write can be written and is nothing that it reads.

    The function then raises, besides its own errors, ValueError if an output is, contains or lies in something that is read, or if two
    outputs are the same; and OSError if an output cannot be made where it is to be.
    """

    @functools.wraps(verb)
    def checked(*args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(verb).bind(*args, **kwargs)
        given.apply_defaults()
        reads, writes = [], []
        for mark, value in declared(verb, given.arguments):
            (reads if isinstance(mark, Reads) else writes).extend((path, mark) for path in mark.files(value))
        check_outputs([(path, mark.beside) for path, mark in reads], [(path, mark.folder) for path, mark in writes])
        return verb(*args, **kwargs)

    return typing.cast(Verb, checked)


def declared(function: Callable, values: typing.Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """The declarations in a signature, and in the dataclasses among its parameters, with the values of the parameters."""
    for name, hint in typing.get_type_hints(function, include_extras=True).items():
        if name not in values:
            continue
        fields = {field.name for field in dataclasses.fields(hint)} if dataclasses.is_dataclass(hint) else set()
        inner = typing.get_type_hints(hint, include_extras=True) if fields else {}
        yield from (
            (mark, getattr(values[name], field)) for field in sorted(fields) for mark in _marks(inner[field]) if values[name] is not None
        )
        yield from ((mark, values[name]) for mark in _marks(hint))


def _marks(hint: Any) -> list[Any]:
    """The declarations of a type, also of one that may be None."""
    own = [mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, (Reads, Writes))]
    return own + [mark for part in typing.get_args(hint) for mark in _marks(part) if not own]


def check_outputs(reads: Iterable[tuple[Path, bool]], writes: Iterable[tuple[Path, bool]]) -> None:
    """Check, before any work is done, that results can be written and replace nothing that is read, nor each other.

    Args:
        reads: Files and folders that are read, each with whether results may lie in it.
        writes: Files or folders that are written, each with whether it is a folder.

    Raises:
        OSError: A file is to be written where there is a folder, or the other way round; or nothing can be made there.
        ValueError: What is written is, contains or lies in something that is read, or would be written twice.
    """
    reads, seen = [(path, beside) for path, beside in reads if os.path.exists(path)], {}  # which a name that is too long does not
    for path, is_folder in writes:
        _check_possible(path, is_folder)
        target = Path(os.path.realpath(path))
        if is_stream(target):
            continue
        if target in seen:
            raise ValueError(f"two results must not be one file, {seen[target]} and {path} are; choose another name for one")
        seen[target] = path
        itself = {_identity(target)} if target.exists() else set()
        above = itself | {_identity(parent) for parent in target.parents if parent.exists()}
        for source, beside in reads:
            if _collides(target, itself if beside else above, source):
                raise ValueError(
                    f"what is written must not replace, contain or lie among what is read, {path} and {source} collide; choose another place"
                )


def _check_possible(path: Path, is_folder: bool) -> None:
    if path.is_dir() and not is_folder:
        raise IsADirectoryError(f"a file must be written here, {path} is a folder; add a name to it")
    if path.is_file() and is_folder:
        raise NotADirectoryError(f"a folder must be written here, {path} is a file; choose another name")
    if is_stream(path):
        if is_folder:
            raise NotADirectoryError(f"a folder must be written here, {path} is a device or a pipe; choose another name")
        return
    real = Path(os.path.realpath(path))
    place = real if real.is_dir() else next(parent for parent in real.parents if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise NotADirectoryError(f"results must lie in a folder that can be written, {place} is none; choose another place than {path}")


def _collides(target: Path, above: set[Identity], source: Path) -> bool:
    """Whether writing a path would touch a source; `above` identifies the path, and the folders above it that count."""
    if _identity(source) in above:
        return True
    if target.is_dir() and _identity(target) in {_identity(parent) for parent in Path(os.path.realpath(source)).parents}:
        return True
    hard_linked = target.is_file() and target.stat().st_nlink > 1
    return source.is_dir() and any(found in above for found in _linked(source, hard_linked))


def _linked(folder: Path, files_too: bool) -> Iterator[Identity]:
    """What symbolic links below a folder lead to, and what lies below that; with `files_too` also each file, for its hard links."""
    waiting, done = [(os.fspath(folder), False)], set()
    while waiting:
        here, through_link = waiting.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                linked = through_link or entry.is_symlink()
                if not linked and not entry.is_dir() and not files_too:
                    continue
                try:
                    found = entry.stat()
                except OSError:  # a link that leads nowhere
                    continue
                identity = (found.st_dev, found.st_ino)
                if linked or files_too:
                    yield identity
                if stat.S_ISDIR(found.st_mode) and identity not in done:
                    done.add(identity)
                    waiting.append((entry.path, linked))


def _identity(path: Path) -> Identity:
    found = path.stat()
    return found.st_dev, found.st_ino
