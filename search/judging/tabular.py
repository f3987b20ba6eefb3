"""A judge that looks answers up: architectures whose scores are all known, so that a whole search can be replayed in seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search.judging.judge import Job, Outcome


@dataclass(frozen=True)
class TabularJudge:
    """Answers from a table; draws of calibration pairs make no difference to it."""

    scores: Mapping[str, Mapping[str, tuple[float, ...]]]
    """By the key of the architecture what each kind of metric says on each sequence, from number 0 on; a single score counts for every
    sequence."""
    seconds: Mapping[str, float] | float = 1.0
    """How long judging takes, by the key of the architecture or for all; nobody waits for it."""

    def __call__(self, job: Job) -> Outcome:
        key = job.architecture.key
        if key not in self.scores:
            raise KeyError(f"{job.architecture.name} is not in the table")
        scores = {kind: tuple(_score(each, number) for number in job.sequences) for kind, each in self.scores[key].items()}
        return Outcome(scores, self.seconds if isinstance(self.seconds, float | int) else self.seconds[key])


def _score(known: Sequence[float], number: int) -> float:
    if len(known) > 1 and not number < len(known):
        raise IndexError(f"the table knows sequences 0 to {len(known) - 1}, not {number}")
    return known[number] if len(known) > 1 else known[0]
