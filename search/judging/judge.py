"""What a judge is: it is given an architecture and validation sequences, and says how well it tracks them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from supernet.space import Architecture


@dataclass(frozen=True)
class Job:
    """An architecture to be judged on some validation sequences."""

    architecture: Architecture
    sequences: range
    """Which sequences: seeds of generated ones, or positions in a data set."""
    calibration: int = 0
    """Which draw of calibration pairs sets its BatchNorm statistics."""


@dataclass(frozen=True)
class Outcome:
    """The answer to a job."""

    scores: dict[str, tuple[float, ...]]
    """By kind of metric (`ao`, `auc`, or of one's own) a score for each sequence, in the order of the job's."""
    seconds: float
    """Time that it took, or would have taken."""


class Judge(Protocol):
    """Answers jobs. Inherited weights are one judge, a table of known architectures is another."""

    def __call__(self, job: Job) -> Outcome:
        """Judge one architecture on the sequences of the job.

        Raises:
            Exception: Whatever keeps it from judging; the search counts the evaluation as failed.
        """
        ...


MakeJudge = Callable[[], Judge]
"""Builds the judge inside a worker; must survive pickling (a module's function, or `functools.partial` of one)."""
