"""What a study requires of its storage.

There are two storages, a file and a database. Both are in Optuna's own formats, so that its tools can read them. Optuna itself would
write a trial in some forty steps and keep all trials in memory. Here a trial is written in one step when it begins and in one when it
ends, and trials are read as a stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout
from optuna.distributions import CategoricalDistribution, json_to_distribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from supernet.space import Value

METRIC_NAMES = "study:metric_names"
"""Study attribute in which Optuna keeps the names of objectives."""


@dataclass(slots=True)
class Record:
    """A trial as it is stored."""

    number: int
    state: TrialState
    params: dict[str, Value]
    """The sampled values of the choices, by label."""
    attributes: dict[str, Any]
    """Optuna's user attributes."""
    system: dict[str, Any]
    """Optuna's system attributes, in which its samplers and tools keep something."""


class Reader(Protocol):
    """Reads a study, which may grow at the same time."""

    def notes(self) -> dict[str, Any]:
        """Return the notes: what all trials share, and what was found of single trials after their end.

        Read them before `records`: then every trial that a note is about is among the records.
        """
        ...

    def records(self) -> Iterator[Record]:
        """Yield all trials, in no particular order."""
        ...

    def close(self) -> None:
        """Release the storage."""
        ...


class Writer(Reader, Protocol):
    """Reads and writes a study, which no other process may write at the same time."""

    def create(self, directions: Sequence[StudyDirection], metric_names: Sequence[str]) -> None:
        """Create the study, unless it exists."""
        ...

    def begin(self, trial: FrozenTrial) -> None:
        """Add a running trial; its number must be the next one."""
        ...

    def finish(self, number: int, state: TrialState, values: Sequence[float] | None, attributes: Mapping[str, Any]) -> None:
        """End a trial and add attributes to it. If the process is killed meanwhile, the trial may stay running with the attributes set."""
        ...

    def note(self, name: str, content: Any) -> None:
        """Set a note of the study."""
        ...


_BROKEN = (LookupError, TypeError, AttributeError, AssertionError, ArithmeticError, RecursionError, ValueError)
"""Errors that arise when the stored content is not what a search wrote."""


@contextmanager
def as_written(where: Path) -> Iterator[None]:
    """Turn the obscure errors of reading a damaged study into a `ValueError` that says so in one line.

    Args:
        where: Path that the error names.

    Raises:
        ValueError: One of these errors was raised.
    """
    try:
        yield
    except _BROKEN as err:
        reason = " ".join(f"{type(err).__name__}: {err}".split())
        raise ValueError(f"a study must be as a search wrote it, {where} is not ({reason:.100}); search anew in another folder") from err


def choices_of(distribution: str) -> Sequence[Any]:
    """Return the values of a choice, from Optuna's JSON record of its distribution."""
    known = json_to_distribution(distribution)
    assert isinstance(known, CategoricalDistribution)
    return known.choices


def position(index: object) -> int:
    """A position among the values of a choice; Python would count a negative one from the end."""
    if not isinstance(index, int) or index < 0:
        raise ValueError(f"no choice has a value number {index!r:.40}")
    return index


def lock(folder: Path) -> FileLock:
    """Acquire the lock that makes this process the only writer of the study in a folder, until the lock is released.

    Raises:
        BlockingIOError: Another process holds the lock.
    """
    writer = FileLock(folder / "writer.lock")  # the kernel releases it when the process ends, in whatever way
    try:
        writer.acquire(timeout=0)
    except Timeout as err:
        raise BlockingIOError(f"a study has one writer, {folder} is being written by another process; wait for it or end it") from err
    return writer
