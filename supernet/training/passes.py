"""The protocol of what one training step consists of, which is all that the loop knows about it, and the plain case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from supernet.training.recipe import Recipe
from tracking.losses import Loss

Losses = Mapping[str, Tensor]
"""Scalar losses by name; training minimises their sum."""


class Passes(Protocol):
    """The forward passes of each training step, and the learning rate of the step."""

    def losses(self, step: int, module: Any, batch: tuple[Tensor, ...]) -> Iterable[Losses]:
        """Run the module on a batch, once or several times.

        The loop calls backward for each item before it asks for the next, so the gradients of a step add up and the memory of only one
        item is needed at a time. What is done in step i depends on i alone, so a resumed training takes the same steps.

        Args:
            step: Number of the step, from 0.
            module: The torch module that is trained.
            batch: The tensors of the step's batch, on the module's device.
        """
        ...

    def rate(self, recipe: Recipe, step: int) -> float:
        """The learning rate of the step."""
        ...


@dataclass(frozen=True)
class OnePass:
    """One pass through each batch with one loss, as a network is trained alone; implements `Passes`."""

    loss: Loss

    def losses(self, step: int, module: Any, batch: tuple[Tensor, ...]) -> Iterable[Losses]:
        yield self.loss(module, batch)

    def rate(self, recipe: Recipe, step: int) -> float:
        return recipe.rate(step)
