"""A network with fixed input shapes, before it is converted for a runtime."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from supernet.runtimes.runtime import Convertible

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Model(Convertible):
    """A torch module with its inputs and outputs, as the method `prepare` of a runtime takes it."""

    name: str
    make: Callable[[], nn.Module]
    """Called without arguments; builds the module, which takes the inputs in order."""
    shapes: Mapping[str, tuple[int, ...]]
    outputs: tuple[str, ...]

    @cached_property
    def module(self) -> nn.Module:
        return self.make().eval()

    @cached_property
    def onnx(self) -> bytes:
        import torch

        from supernet.deploy.onnx_graph import to_onnx

        return to_onnx(self.module, {name: torch.zeros(shape) for name, shape in self.shapes.items()}, self.outputs)


def with_reproducible_weights(name: str, module: nn.Module) -> nn.Module:
    """Give a module weights that depend on a name alone, and that keep the size of a signal about the same from layer to layer.

    With torch's own initial weights the output of a whole network hardly depends on its input, and a comparison of outputs
    would not notice a missing layer.

    Args:
        name: Name that determines the weights.
        module: Module to fill, changed in place.

    Returns:
        The same module.
    """
    import torch

    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    for tensor, values in module.state_dict().items():
        if tensor.endswith(("running_mean", "bias")):
            values.normal_(0, 0.1, generator=generator)
        elif values.ndim == 1:
            values.uniform_(0.5, 1.5, generator=generator)
        elif values.ndim:
            values.normal_(0, values[0].numel() ** -0.5, generator=generator)
    return module
