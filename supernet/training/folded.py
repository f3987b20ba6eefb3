"""Folds BatchNorms into the convolutions before them, so that a network in eval mode does the same with less work.

A BatchNorm in eval mode multiplies each channel by a number and adds another, which the weights of the convolution before it can do as
well. On a CPU, where such layers wait for memory, this saves a quarter of the time. Source: Jacob et al., CVPR 2018; the arithmetic is
torch's `fuse_conv_bn_eval`. Which convolution stands before a BatchNorm is seen while the network runs once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.hooks import RemovableHandle


@torch.no_grad()
def fold(network: nn.Module, *inputs: Tensor) -> None:
    """Fold every BatchNorm (2d) that takes nothing but the output of one convolution, in place.

    Args:
        network: The network, in eval mode. The output of a convolution before a BatchNorm must not be used elsewhere.
        inputs: Inputs on which the network is run once; their values do not matter.
    """
    made: list[tuple[Tensor, nn.Conv2d]] = []
    sources: dict[nn.BatchNorm2d, set[nn.Conv2d | None]] = {}

    def note_output(module: nn.Module, given: Any, output: Tensor) -> None:
        made.append((output, module))  # pyright: ignore[reportArgumentType]

    def note_input(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        found = next((conv for output, conv in reversed(made) if output is given[0]), None)
        sources.setdefault(module, set()).add(found)  # pyright: ignore[reportArgumentType]

    hooks: list[RemovableHandle] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(note_output))
        elif isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(note_input))
    try:
        network(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    used = [conv for convs in sources.values() for conv in convs]
    alone = {norm: convs.copy().pop() for norm, convs in sources.items() if len(convs) == 1}
    folded = {norm: conv for norm, conv in alone.items() if conv is not None and used.count(conv) == 1}
    _replace(network, {conv: fuse_conv_bn_eval(conv, norm) for norm, conv in folded.items()}.get)
    _replace(network, lambda module: nn.Identity() if module in folded else None)


def _replace(network: nn.Module, other: Callable[[Any], nn.Module | None]) -> None:
    """Put other modules in the place of those for which `other` gives one."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if (new := other(child)) is not None:
                setattr(parent, name, new)
