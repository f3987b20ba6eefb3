"""Runs a torch network as a tracking procedure needs it: graphs by name, with crops as inputs and NumPy arrays as outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from supernet.deploy.normalise import normalise
from supernet.families.family import GraphSpec


def check_device(name: str) -> None:
    """Check that this machine has a torch device.

    Raises:
        ValueError: There is no such device.
    """
    try:
        torch.zeros(1, device=name).item()  # the device meta has no values
    except (RuntimeError, AssertionError) as err:
        raise ValueError(
            f"a torch device must be one that can be used here (cpu, cuda, cuda:N), {name!r} is not: {str(err).splitlines()[0]}"
        ) from err


class TorchGraphs:
    """Runs the graphs of a network without gradients; implements `tracking.trackers.procedure.Network`.

    Outputs that other graphs take are returned as torch tensors on the device.
    """

    def __init__(self, network: nn.Module, graphs: Sequence[GraphSpec], device: str = "cpu", channels_last: bool = False):
        """Take a network to a device.

        Args:
            network: The network, which is moved to the device and left in eval mode.
            graphs: The graphs of the network, from its family.
            device: Torch device that runs the graphs.
            channels_last: Whether crops are stored channels last and run as one batch. For batches on a CPU this halves the time of
                depthwise convolutions; for a single crop the usual order is faster. What a target gets then depends on the batch in the
                last digits, and after some frames its box by pixels, since crops are rounded to whole grey levels. Without it targets
                are run one after the other on a CPU, and each gets to the last bit what it gets alone.
        """
        check_device(device)
        network.eval().to(device)
        self._graphs = {spec.name: (spec.module(network).eval(), spec.outputs) for spec in graphs}
        self._passed_on = {name for spec in graphs for name in spec.inputs} & {name for spec in graphs for name in spec.outputs}
        self._device = device
        self._memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self._one_by_one = torch.device(device).type == "cpu" and not channels_last

    def run(self, graph: str, inputs: Mapping[str, Any]) -> list[Any]:
        count = len(next(iter(inputs.values())))
        if count == 1 or not self._one_by_one:
            return self._run(graph, inputs)
        each = [self._run(graph, {name: value[row : row + 1] for name, value in inputs.items()}) for row in range(count)]
        return [torch.cat(parts) if isinstance(parts[0], Tensor) else np.concatenate(parts) for parts in zip(*each, strict=True)]

    @torch.no_grad()
    def _run(self, graph: str, inputs: Mapping[str, Any]) -> list[Any]:
        module, names = self._graphs[graph]
        found = module(*(value if isinstance(value, Tensor) else self._crops(value) for value in inputs.values()))
        outputs = found if isinstance(found, tuple) else (found,)
        return [value if name in self._passed_on else value.cpu().numpy() for name, value in zip(names, outputs, strict=True)]

    def _crops(self, images: np.ndarray) -> Tensor:
        return torch.from_numpy(normalise(images)).to(self._device, memory_format=self._memory_format)
