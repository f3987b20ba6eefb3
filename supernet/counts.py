"""Multiply-adds and parameters of a module, in two conventions.

One multiply-add counts as one. `macs` are those of convolutions and matrix products alone (torch's FlopCounterMode, halved).
`macs_fvcore` follows fvcore 0.1.5, which the LightTrack paper's figures agree with: it adds two per element of a BatchNorm
and one per element that enters a global mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Counts:
    """Work and size of a module for batch size 1."""

    macs: int
    """Multiply-adds of convolutions and matrix products."""
    macs_fvcore: int
    """The same by fvcore's convention."""
    params: int
    """Trainable numbers, BatchNorm's scale and shift included."""

    def __add__(self, other: Counts) -> Counts:
        """Counts of two modules that share no weights."""
        return Counts(self.macs + other.macs, self.macs_fvcore + other.macs_fvcore, self.params + other.params)


def count(module: nn.Module, shapes: Sequence[Shape]) -> Counts:
    """Run a module on tensors without storage and count.

    Args:
        module: Any module whose forward takes one tensor for each of `shapes`; it is moved to the meta device.
        shapes: (C, H, W) of each input.
    """
    elements = 0

    def see(_: nn.Module, inputs: tuple[torch.Tensor, ...], __: torch.Tensor) -> None:
        nonlocal elements
        elements += 2 * inputs[0].numel()

    module = module.to("meta").eval()
    hooks = [m.register_forward_hook(see) for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad(), FlopCounterMode(display=False) as counter, _PoolingCounter() as pooling:
        module(*(torch.empty(1, *shape, device="meta") for shape in shapes))
    for hook in hooks:
        hook.remove()
    macs = counter.get_total_flops() // 2
    return Counts(macs, macs + elements + pooling.elements, sum(p.numel() for p in module.parameters()))


class _PoolingCounter(torch.overrides.TorchFunctionMode):
    """Adds up the elements that enter adaptive average pooling."""

    def __init__(self):
        super().__init__()
        self.elements = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.nn.functional.adaptive_avg_pool2d:
            self.elements += args[0].numel()
        return func(*args, **(kwargs or {}))
