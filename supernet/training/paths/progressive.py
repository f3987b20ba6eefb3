"""One random architecture a step, of a space that opens in stages: at first the largest only, in the end all.

Source: progressive shrinking of Once-for-All (Cai et al., ICLR 2020): a large network is trained first, then smaller depths, kernels and
expansions join. Here depths open first, then kernels, then expansions, each for all layers at once, then every other choice in the order in
which the family declares it. A choice is known by its label: `stage.2.depth` is a depth.
"""

from __future__ import annotations

from functools import cached_property

from supernet.space import Architecture, SearchSpace
from supernet.training.paths.rule import Rule

OPEN_BY = 0.6
"""Share of the steps after which all choices are open."""
FIRST = ("depth", "kernel", "expansion")
"""Words in labels of choices that open first, in this order."""


class Progressive(Rule):
    """Uniform sampling among the choices that are open; the others have the largest architecture's values."""

    def paths(self, step: int) -> tuple[Architecture, ...]:
        opened = {label for group in self.groups[: self.stage(step)] for label in group}
        choices = {label: values if label in opened else (self.largest[label],) for label, values in self.family.choices.items()}
        return (SearchSpace(choices, self.family.architecture).sample(self.rng(step)),)

    def stage(self, step: int) -> int:
        """Number of groups that are open in a step: stages are equally long, and in the first one none is open."""
        return min(int(step / (OPEN_BY * self.steps) * len(self.groups)), len(self.groups))

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Labels of the choices that open together, in the order in which they open."""
        named = {word: tuple(label for label in self.family.choices if word in label.split(".")) for word in FIRST}
        rest = [(label,) for label in self.family.choices if not any(label in labels for labels in named.values())]
        return (*filter(None, named.values()), *rest)
