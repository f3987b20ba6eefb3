"""One random architecture a step, of a space that opens in stages: at first the largest only, in the end all.

Source: progressive shrinking of Once-for-All (Cai et al., ICLR 2020): a large network is trained first, then smaller depths, kernels and
expansions join. Here depths open first, then kernels, then expansions, each for all layers at once, then every other choice in the order in
which the family declares it. A choice is known by its label, as `2.depth`, or by values such as `k3e6`, kernel 3 and expansion 6: of these,
first those with the largest architecture's expansion open, and then the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from supernet.space import Architecture, SearchSpace, Value
from supernet.training.paths.rule import Rule

OPEN_BY = 0.6
"""Share of the steps after which all choices are open."""
FIRST = ("depth", "kernel", "expansion")
"""Words in labels of choices that open first, in this order."""
_BLOCK = re.compile(r"k\d+(e\d+)", re.ASCII)
"""Values that are a kernel and an expansion at once."""


class Progressive(Rule):
    """Uniform sampling among the values that are open."""

    def paths(self, step: int) -> tuple[Architecture, ...]:
        choices: dict[str, tuple[Value, ...]] = {label: (self.largest[label],) for label in self.family.choices}
        for opening in self.openings[: self.stage(step)]:
            choices |= opening
        return (SearchSpace(choices, self.family.architecture).sample(self.rng(step)),)

    def stage(self, step: int) -> int:
        """Number of openings that have taken place: stages are equally long, and in the first one nothing is open."""
        return min(int(step / (OPEN_BY * self.steps) * len(self.openings)), len(self.openings))

    @cached_property
    def openings(self) -> tuple[Mapping[str, tuple[Value, ...]], ...]:
        """The values that are open from each opening on, by label, in the order of the openings."""
        choices = self.family.choices
        named = {word: {label: values for label, values in choices.items() if word in label.split(".")} for word in FIRST}
        blocks = {label: values for label, values in choices.items() if all(_BLOCK.fullmatch(str(value)) for value in values)}
        named["kernel"] |= {label: tuple(v for v in values if _expansion(v) == self._widest(label)) for label, values in blocks.items()}
        named["expansion"] |= blocks
        rest = [{label: values} for label, values in choices.items() if not any(label in opening for opening in named.values())]
        return (*(opening for opening in named.values() if opening), *rest)

    def _widest(self, label: str) -> str:
        return _expansion(self.largest[label])


def _expansion(value: Value) -> str:
    """The expansion in a value such as `k3e6`."""
    found = _BLOCK.fullmatch(str(value))
    assert found is not None
    return found[1]
