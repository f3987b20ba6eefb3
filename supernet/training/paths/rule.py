"""The protocol of sampling rules: which architectures (paths of the supernet) a step trains, and how their losses enter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from supernet.families.family import Family
from supernet.space import Architecture
from supernet.training.passes import Losses
from supernet.training.paths.sizes import largest, macs, smallest
from supernet.training.recipe import Recipe

CHEAP_SHARE = 0.12
"""Share of the steps, at the start, in which `Rule.draw` takes the cheapest of three random architectures."""


@dataclass(frozen=True)
class Passed:
    """What came of one pass of one architecture through the batch of a step."""

    losses: Losses
    """The family's loss against the truth, by name; training minimises the sum."""
    outputs: Any
    """What the network answered."""
    batch: tuple[Tensor, ...]
    """The tensors that it saw, at the sizes of its own crops."""


RunPath = Callable[[Architecture], Passed]
"""Activates an architecture in the supernet and runs it on the batch of the step, with gradients."""


@dataclass(frozen=True)
class Rule(ABC):
    """A sampling rule for the training of one supernet.

    Subclass it: `paths` must be given, `losses` and `rate` may be. All random numbers follow from seed and step, so a resumed training
    trains the same architectures.
    """

    family: Family
    seed: int
    steps: int
    """Number of steps of the whole training."""

    @abstractmethod
    def paths(self, step: int) -> tuple[Architecture, ...]:
        """The architectures that step number `step`, from 0, trains."""

    def losses(self, step: int, run: RunPath) -> Iterator[Losses]:
        """Run the architectures of a step; the loop calls backward for each item before it asks for the next.

        By default every architecture learns from the truth, and the step follows the mean of their gradients.

        Args:
            step: Number of the step, from 0.
            run: Runs an architecture on the batch of the step.
        """
        paths = self.paths(step)
        for path in paths:
            yield {name: loss / len(paths) for name, loss in run(path).losses.items()}

    def rate(self, recipe: Recipe, step: int) -> float:
        """The learning rate of a step; by default that of the recipe."""
        return recipe.rate(step)

    @cached_property
    def largest(self) -> Architecture:
        """The largest architecture of the family."""
        return largest(self.family)

    @cached_property
    def smallest(self) -> Architecture:
        """The smallest architecture of the family."""
        return smallest(self.family)

    def rng(self, step: int) -> np.random.Generator:
        """The random numbers of a step."""
        return np.random.default_rng([self.seed, step])

    def draw(self, step: int, rng: np.random.Generator) -> Architecture:
        """Draw an architecture uniformly; in the first steps the cheapest of three, because small networks start to learn sooner."""
        if step >= CHEAP_SHARE * self.steps:
            return self.family.space.sample(rng)
        return min((self.family.space.sample(rng) for _ in range(3)), key=lambda arch: macs(self.family, arch))
