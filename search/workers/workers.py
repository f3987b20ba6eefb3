"""What a set of workers can do: jobs go in, outcomes come back in the order in which they are finished."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Protocol, TypeVar

from search.judging.judge import Job, Outcome

Answer = TypeVar("Answer")


class JobFailed(Exception):
    """A job raised an error, or took its worker down again and again; the text says what happened."""

    @classmethod
    def of(cls, err: BaseException) -> JobFailed:
        """What an error says, in one line."""
        return cls(" ".join("".join(traceback.format_exception_only(err)).split()))


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
