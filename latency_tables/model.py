"""A network or a chain of operators before it is converted for a runtime."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import nn

from supernet.graph import to_onnx


@dataclass(frozen=True)
class Model:
    """A torch module with fixed input shapes and weights that only its name decides."""

    name: str
    """Unique within a measurement."""
    make: Callable[[], nn.Module]
    """Builds the module, which takes the inputs in order."""
    shapes: Mapping[str, tuple[int, ...]]
    """Of every input, by name, the batch of one included."""
    outputs: tuple[str, ...]
    """Names of the outputs, in order."""

    @cached_property
    def module(self) -> nn.Module:
        """The module, ready for inference, with weights through which a signal keeps its size.

        With torch's own initial weights the output of a whole network hardly depends on its input, and a comparison of outputs
        would not notice a missing layer.
        """
        generator = torch.Generator().manual_seed(zlib.crc32(self.name.encode()))
        module = self.make().eval()
        for name, values in module.state_dict().items():
            if name.endswith(("running_mean", "bias")):
                values.normal_(0, 0.1, generator=generator)
            elif values.ndim == 1:
                values.uniform_(0.5, 1.5, generator=generator)
            elif values.ndim:
                values.normal_(0, values[0].numel() ** -0.5, generator=generator)
        return module

    @cached_property
    def onnx(self) -> bytes:
        """The serialised ONNX graph."""
        return to_onnx(self.module, {name: torch.zeros(shape) for name, shape in self.shapes.items()}, self.outputs)

    @property
    def sample(self) -> dict[str, np.ndarray]:
        """One input of each name, float32: those that a device makes for itself."""
        from latency_tables.agent import sample

        return sample(self.shapes)
