"""The protocol of a judge, which says how well an architecture tracks, on given pairs of crops and validation sequences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from supernet.space import Architecture
from tracking.camera.schedule import Camera


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
    cameras: Mapping[str, Camera] = field(default_factory=dict)
    """Cameras that it tracks the sequences behind, once more for each, by the name of the score."""


@dataclass(frozen=True)
class Outcome:
    """The answer to a job."""

    scores: dict[str, tuple[float, ...]]
    """Scores by kind of metric (`ao`, `fit`, or a kind of your own) or by the name of a camera of the job: one for each sequence of the job, in
    its order, or, for kinds that are found on pairs, one for each group of pairs."""
    seconds: float
    """Seconds that judging took, or would have taken if it is simulated."""


def united(outcomes: Sequence[Outcome]) -> dict[str, list[float]]:
    """Scores by name: of each sequence or group of pairs for a single outcome, the mean of each outcome for several."""
    if len(outcomes) == 1:
        return {name: list(each) for name, each in outcomes[0].scores.items()}
    return {name: [sum(outcome.scores[name]) / len(outcome.scores[name]) for outcome in outcomes] for name in outcomes[0].scores}


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
