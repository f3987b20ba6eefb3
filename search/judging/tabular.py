"""A judge that looks scores up in a table of known architectures, so that a whole search can be replayed in seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search.judging.judge import Job, Outcome


@dataclass(frozen=True)
class TabularJudge:
    """Judges architectures from a table of scores; it ignores draws of calibration pairs."""

    scores: Mapping[str, Mapping[str, tuple[float, ...]]]
    """Scores by the key of the architecture, then by kind of metric: one for each sequence from number 0 on, or a single one for all
    sequences."""
    seconds: Mapping[str, float] | float = 1.0
    """Simulated seconds that judging takes, by the key of the architecture or for all; the judge itself answers at once."""

    def __call__(self, job: Job) -> Outcome:
        key = job.architecture.key
        if key not in self.scores:
            raise KeyError(f"{job.architecture.name} is not in the table")
        scores = {kind: tuple(_score(each, number) for number in job.sequences) for kind, each in self.scores[key].items()}
        return Outcome(scores, self.seconds if isinstance(self.seconds, float | int) else self.seconds[key])


def _score(known: Sequence[float], number: int) -> float:
    """The score on one sequence; a single score counts for every sequence."""
    if len(known) > 1 and not number < len(known):
        raise IndexError(f"the table knows sequences 0 to {len(known) - 1}, not {number}")
    return known[number] if len(known) > 1 else known[0]
