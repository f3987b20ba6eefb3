"""The recipe of a training: steps, batch and rates."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """Settings of the training loop that do not depend on the task."""

    steps: int
    """Number of optimiser steps in all."""
    batch: int
    """Number of items in each step."""
    lr: float
    """Peak learning rate of AdamW."""
    weight_decay: float = 0.01
    """Weight decay of AdamW, on weights of convolutions and linear layers only."""
    warmup: int = 50
    """Steps over which the learning rate rises linearly. The rise multiplies a cosine that falls to zero over all steps."""
    clip: float = 5.0
    """Largest norm of the gradient; a longer gradient is scaled down to it."""

    def __post_init__(self):
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}; leave --{name} out for the family's recipe")
        if not 0 < self.lr < 1:
            raise ValueError(f"lr must lie between 0 and 1, got {self.lr}; leave --lr out for the family's recipe")

    def rate(self, step: int) -> float:
        """Learning rate of the step with this number, from 0."""
        return self.lr * self.warm(step) * 0.5 * (1 + math.cos(math.pi * step / self.steps))

    def warm(self, step: int) -> float:
        """Share of the peak rate that the warm-up allows in the step with this number, from 0."""
        return min(1.0, (step + 1) / self.warmup)

    def changed(self, steps: int | None, batch: int | None, lr: float | None) -> Recipe:
        """The same recipe with other steps, batch or rate; None keeps a value."""
        given = {"steps": steps, "batch": batch, "lr": lr}
        return replace(self, **{name: value for name, value in given.items() if value is not None})
