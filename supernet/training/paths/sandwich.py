"""The largest, the smallest and some random architectures a step; the smaller ones also learn from the largest one's answers.

Source: sandwich rule and in-place distillation of BigNAS (Yu et al., ECCV 2020). There the smaller networks learn from the largest alone.
Here half of their loss is that of the truth, since a training of some thousand steps is largely over before the largest one knows much.
"""

from __future__ import annotations

from collections.abc import Iterator

from supernet.space import Architecture
from supernet.training.passes import Losses
from supernet.training.paths.rule import Rule, RunPath

PATHS = 4
"""Number of architectures a step."""
TRUTH = 0.5
"""Share of the truth in what the smaller architectures learn; the rest is the largest one's answer."""


class Sandwich(Rule):
    """Largest, smallest and random architectures, with in-place distillation."""

    def paths(self, step: int) -> tuple[Architecture, ...]:
        rng = self.rng(step)
        between = (self.family.space.sample(rng) for _ in range(PATHS - 2))
        return (self.largest, self.smallest, *between)

    def losses(self, step: int, run: RunPath) -> Iterator[Losses]:
        first, *others = self.paths(step)
        imitation = self.family.imitation()
        teacher = run(first)
        taught = tuple(output.detach() for output in teacher.outputs)
        yield {name: loss / PATHS for name, loss in teacher.losses.items()}
        for path in others:
            student = run(path)
            imitated = imitation(student.outputs, student.batch, taught, teacher.batch)
            truth = {name: loss * (TRUTH / PATHS) for name, loss in student.losses.items()}
            yield truth | {name: loss * ((1 - TRUTH) / PATHS) for name, loss in imitated.items()}
