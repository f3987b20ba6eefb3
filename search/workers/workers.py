"""The protocol of workers: jobs are submitted, and their results come back in the order in which they are finished."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Protocol, TypeVar

from search.judging.judge import Job, Outcome
from tracking.errors import shortened

Answer = TypeVar("Answer")


class JobFailed(Exception):
    """A job raised an error, or killed its worker repeatedly; the message says what happened."""

    @classmethod
    def of(cls, err: BaseException) -> JobFailed:
        """Make a failure whose message is that of an error, in one short line."""
        return cls(shortened("".join(traceback.format_exception_only(err))))


class Workers(Protocol):
    """A set of workers that do jobs side by side; results come back in the order in which they are finished."""

    count: int
    """Number of jobs that run at the same time."""

    def submit(self, number: int, job: Job) -> None:
        """Accept a job; its number comes back with its result."""
        ...

    def next(self) -> tuple[int, Outcome | JobFailed]:
        """Wait for the next finished job, and return its number and result. A worker that dies is replaced and its job repeated.

        Raises:
            ChildProcessError: The workers cannot be started.
        """
        ...

    def on_device(self, device: str, measure: Callable[[], Answer]) -> Answer:
        """Run a measurement on the machine that a device is attached to, and return its answer; no job may be under way.

        Args:
            device: The device as `measure --device` spells it: local, ssh://user@host[:port] or adb://serial.
            measure: Function that measures; must be picklable.

        Raises:
            ConnectionError: The machine was lost meanwhile.
            Exception: Any error that the measurement raises.
        """
        ...

    def close(self) -> None:
        """End all workers at once; unfinished jobs are dropped."""
        ...
