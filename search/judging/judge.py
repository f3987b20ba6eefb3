"""The protocol of a judge, which says how well an architecture tracks, on given pairs of crops and validation sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from supernet.space import Architecture


@dataclass(frozen=True)
class Job:
    """An architecture to be judged on some validation sequences, on some groups of pairs, or on both."""

    architecture: Architecture
    sequences: range
    """Numbers of the sequences: seeds of generated ones, or positions in a data set."""
    calibration: int = 0
    """Number of the draw of calibration pairs that sets its BatchNorm statistics."""
    pairs: range = range(0)
    """Numbers of the groups of fixed pairs; see `search.judging.fixed_pairs`."""


@dataclass(frozen=True)
class Outcome:
    """The answer to a job."""

    scores: dict[str, tuple[float, ...]]
    """Scores by kind of metric (`ao`, `fit`, or a kind of your own): one for each sequence of the job, in its order, or, for kinds that are
    found on pairs, one for each group of pairs."""
    seconds: float
    """Seconds that judging took, or would have taken if it is simulated."""


class Judge(Protocol):
    """Judges architectures, e.g. by tracking with inherited weights, or by looking them up in a table."""

    def __call__(self, job: Job) -> Outcome:
        """Judge one architecture on the sequences and pairs of the job.

        Raises:
            Exception: Any error means that the architecture could not be judged; the search counts its evaluation as failed.
        """
        ...


MakeJudge = Callable[[], Judge]
"""Function that builds the judge inside a worker. It must survive pickling: a function of a module, or a `functools.partial` of one."""
