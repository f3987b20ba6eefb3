"""What a study needs of the place where it is kept.

Both places are in Optuna's own formats, and its tools read them. Optuna itself would write a trial in forty pieces and keep all of them
in memory; here a trial is one piece when it begins and one when it ends, and reading is a stream.
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
"""Where Optuna keeps the names of objectives."""


@dataclass(slots=True)
class Record:
    """A trial as it is kept."""

    number: int
    state: TrialState
    params: dict[str, Value]
    """What was sampled, by label."""
    attributes: dict[str, Any]
    """Optuna's user attributes."""
    system: dict[str, Any]
    """What Optuna's samplers and tools keep with it."""


class Reader(Protocol):
    """A study that may be growing meanwhile."""

    def notes(self) -> dict[str, Any]:
        """What is known of the study and, after its end, of single trials. Read before `records`: it knows no later trials."""
        ...

    def records(self) -> Iterator[Record]:
        """All trials, in no particular order."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Writer(Reader, Protocol):
    """A study that nobody else may write."""

    def create(self, directions: Sequence[StudyDirection], metric_names: Sequence[str]) -> None:
        """Make the study known; one that exists already is left as it is."""
        ...

    def begin(self, trial: FrozenTrial) -> None:
        """Add a trial that runs from now on; its number must be the next."""
        ...

    def finish(self, number: int, state: TrialState, values: Sequence[float] | None, attributes: Mapping[str, Any]) -> None:
        """End a trial. A kill may leave it running with the attributes set."""
        ...

    def note(self, name: str, content: Any) -> None:
        """Set one of the notes."""
        ...


_BROKEN = (LookupError, TypeError, AttributeError, AssertionError)
"""What comes of reading something else than was written."""


@contextmanager
def as_written(where: Path, *also: type[Exception]) -> Iterator[None]:
    """Say in one line that a study is not as a search wrote it, where reading it ends in an error that tells nobody so.

    Args:
        where: The study.
        also: Further errors that are of this kind here.

    Raises:
        ValueError: It did.
    """
    try:
        yield
    except (*_BROKEN, *also) as err:
        reason = " ".join(repr(err).split())
        raise ValueError(f"a study must be as a search wrote it, {where} is not ({reason:.100}); search anew in another folder") from err


def choices_of(distribution: str) -> Sequence[Any]:
    """What could have been chosen, from Optuna's record of it."""
    known = json_to_distribution(distribution)
    assert isinstance(known, CategoricalDistribution)
    return known.choices


def lock(folder: Path) -> FileLock:
    """Become the one writer of the study in a folder, until the lock is released.

    Raises:
        BlockingIOError: Another process is.
    """
    writer = FileLock(folder / "writer.lock")  # the kernel frees it when the process ends, however that happens
    try:
        writer.acquire(timeout=0)
    except Timeout as err:
        raise BlockingIOError(f"a study has one writer, {folder} is being written by another process; wait for it or end it") from err
    return writer
