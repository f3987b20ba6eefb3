"""Runs the architectures that a sampling rule chooses in a supernet, for the training loop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor

from supernet.space import Architecture
from supernet.training.batches import resized
from supernet.training.passes import Losses
from supernet.training.paths.rule import Passed, Rule
from supernet.training.recipe import Recipe
from tracking.losses import Loss


@dataclass(frozen=True)
class TrainedPaths:
    """The passes of a supernet's training; implements `supernet.training.passes.Passes`."""

    rule: Rule
    loss: Loss = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "loss", self.rule.family.loss())

    def losses(self, step: int, module: Any, batch: tuple[Tensor, ...]) -> Iterable[Losses]:
        return self.rule.losses(step, partial(self._run, module, batch))

    def rate(self, recipe: Recipe, step: int) -> float:
        return self.rule.rate(recipe, step)

    def _run(self, supernet: Any, batch: tuple[Tensor, ...], path: Architecture) -> Passed:
        supernet.activate(path)
        family = self.rule.family
        batch = resized(batch, family.settings, family.settings_of(path))
        seen = []

        def network(*crops: Tensor) -> Any:
            seen.append(supernet(*crops))
            return seen[-1]

        losses = self.loss(network, batch)
        return Passed(losses, seen[-1], batch)
