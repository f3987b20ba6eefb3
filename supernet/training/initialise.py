"""Weights to start training from, the same for the same seed on every machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

Normal = Callable[[Tensor, float], None]
"""Fills a tensor with normal numbers of a standard deviation."""


@runtime_checkable
class Starts(Protocol):
    """A layer that starts in a way of its own."""

    def start(self, normal: Normal) -> None:
        """Change the weights that it starts with; convolutions inside have theirs already."""
        ...


def initialise(module: nn.Module, seed: int) -> None:
    """Draw the weights of a supernet or network.

    Convolutions and linear layers: normal, scaled by fan-out (He et al., 2015), without bias; then whatever a layer's own `start` says.

    Args:
        module: Changed in place.
        seed: Fixes every weight.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(tensor: Tensor, deviation: float) -> None:
        with torch.no_grad():
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * deviation)

    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            fan_out = part.weight[:, 0].numel() / (part.groups if isinstance(part, nn.Conv2d) else 1)
            normal(part.weight, (2 / fan_out) ** 0.5)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    for part in module.modules():
        if isinstance(part, Starts):
            part.start(normal)
