"""What workers are asked, what they answer, and what a set of workers can do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from supernet.space import Architecture


@dataclass(frozen=True)
class Job:
    """An architecture to be judged on some validation sequences."""

    architecture: Architecture
    sequences: range
    """Which sequences: seeds of generated ones, or places in a data set."""
    calibration: int = 0
    """Which draw of calibration pairs sets its BatchNorm statistics."""


@dataclass(frozen=True)
class Outcome:
    """The answer to a job."""

    scores: dict[str, tuple[float, ...]]
    """`ao` and `auc` on each sequence, in the order of the job's."""
    seconds: float
    """Time that it took the worker."""


Judge = Callable[[Job], Outcome]
"""What a worker runs."""
MakeJudge = Callable[[], Judge]
"""Builds the judge inside the worker; must survive pickling (a module's function, or `functools.partial` of one)."""


Answer = TypeVar("Answer")


class JobFailed(Exception):
    """A job raised an error, or took its worker down again and again; the text says what happened."""


class Workers(Protocol):
    """Processes that work on jobs; results come back in the order in which they are finished."""

    count: int
    """Jobs that run at the same time."""

    def submit(self, number: int, job: Job) -> None:
        """Take a job on; the number comes back with its result."""
        ...

    def next(self) -> tuple[int, Outcome | JobFailed]:
        """Wait for the next finished job. A worker that dies is replaced and its job done again.

        Raises:
            ChildProcessError: The workers cannot be started.
        """
        ...

    def on_device(self, device: str, measure: Callable[[], Answer]) -> Answer:
        """Run a measurement where the device is, while nothing else runs there.

        Args:
            device: As the `--device` of `measure`: local, ssh://user@host[:port] or adb://serial.
            measure: What measures; must survive pickling.
        """
        ...

    def close(self) -> None:
        """End all workers at once; unfinished jobs are dropped."""
        ...
