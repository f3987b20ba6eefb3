"""Initial weights for training, which a seed determines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

Normal = Callable[[Tensor, float], None]
"""Called with a tensor and a standard deviation; fills the tensor with normally distributed numbers of mean 0."""


@runtime_checkable
class Starts(Protocol):
    """A layer that sets its own initial weights."""

    def start(self, normal: Normal) -> None:
        """Set initial weights of the layer. Its convolutions and linear layers have been initialised before.

        Args:
            normal: Source of random weights.
        """
        ...


def initialise(module: nn.Module, seed: int) -> None:
    """Draw the initial weights of a supernet or network.

    Weights of convolutions and linear layers are normally distributed and scaled by fan-out (He et al., 2015), and their biases are 0.
    Then each layer that is `Starts` changes its weights. All other parameters are left as they are.

    Args:
        module: The module, changed in place.
        seed: Seed of the random numbers.
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
