"""How to train: steps, batch and rates."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """Settings of the training loop, whatever is learned."""

    steps: int
    """Optimiser steps in all."""
    batch: int
    """Items a step."""
    lr: float
    """Peak learning rate of AdamW."""
    weight_decay: float = 0.01
    """On weights of convolutions and linear layers only."""
    warmup: int = 50
    """Steps until the learning rate reaches its peak; a cosine takes it to zero afterwards."""
    clip: float = 5.0
    """Largest norm of the gradient."""

    def __post_init__(self):
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.lr < 1:
            raise ValueError(f"lr must lie between 0 and 1, got {self.lr}")

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        warm = min(1.0, (step + 1) / self.warmup)
        return self.lr * warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))

    def changed(self, steps: int | None, batch: int | None, lr: float | None) -> Recipe:
        """The same recipe with other steps, batch or rate; None leaves them."""
        given = {"steps": steps, "batch": batch, "lr": lr}
        return replace(self, **{name: value for name, value in given.items() if value is not None})
