"""Counts multiply-adds (by two conventions), parameters and live elements of a module.

One multiply-add counts as one. `macs` counts those of convolutions and matrix products alone (torch's FlopCounterMode, halved).
`macs_fvcore` follows fvcore 0.1.5, with which the figures of the LightTrack paper agree: it adds two for each element that enters a
BatchNorm and one for each element that enters a global mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tracking.files.atomic import write_text

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Counts:
    """Work and size of a module for batch size 1."""

    macs: int
    """Multiply-adds of convolutions and matrix products."""
    macs_fvcore: int
    """Multiply-adds by fvcore's convention, which also counts BatchNorms and global means."""
    params: int
    """Number of parameters, including scale and shift of BatchNorms."""
    live: int
    """Elements of the inputs and the output of one layer, for the layer where they are most: what must be in memory at once."""

    def __add__(self, other: Counts) -> Counts:
        """Counts of two modules that share no weights and run one after the other."""
        live = max(self.live, other.live)
        return Counts(self.macs + other.macs, self.macs_fvcore + other.macs_fvcore, self.params + other.params, live)


def count(module: nn.Module, shapes: Sequence[tuple[int, ...]]) -> Counts:
    """Count a module by running it on tensors without storage.

    Args:
        module: Any module whose forward takes one tensor for each of `shapes`. It is moved to torch's meta device, so its weights are
            lost.
        shapes: Shape of each input, without the batch.
    """
    import torch
    from torch import nn
    from torch.utils.flop_counter import FlopCounterMode

    norms = live = pooled = 0

    def see_norm(_: nn.Module, inputs: tuple[torch.Tensor, ...], __: torch.Tensor) -> None:
        nonlocal norms
        norms += 2 * inputs[0].numel()

    def see_layer(_: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal live
        live = max(live, sum(tensor.numel() for tensor in (*inputs, output)))

    class Pooling(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            nonlocal pooled
            if func is torch.nn.functional.adaptive_avg_pool2d:
                pooled += args[0].numel()
            return func(*args, **(kwargs or {}))

    module = module.to("meta").eval()
    hooks = [m.register_forward_hook(see_norm) for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
    hooks += [m.register_forward_hook(see_layer) for m in module.modules() if not list(m.children())]
    with torch.no_grad(), FlopCounterMode(display=False) as counter, Pooling():
        module(*(torch.empty(1, *shape, device="meta") for shape in shapes))
    for hook in hooks:
        hook.remove()
    macs = counter.get_total_flops() // 2
    return Counts(macs, macs + norms + pooled, sum(p.numel() for p in module.parameters()), live)


def read_counts(path: Path) -> dict[str, Counts]:
    """Read the counts of operators, by key, from a file that `write_counts` wrote; empty if there is no such file."""
    if not path.is_file():
        return {}
    return {key: Counts(*numbers) for key, numbers in json.loads(path.read_bytes()).items()}


def write_counts(path: Path, counts: Mapping[str, Counts]) -> None:
    """Write the counts of operators, by key, one operator a line, so that they need not be computed again."""
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(astuple(each))}" for key, each in sorted(counts.items()))
    write_text(path, f"{{\n{lines}\n}}\n")
