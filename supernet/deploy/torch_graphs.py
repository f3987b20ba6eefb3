"""A torch network as a tracking procedure wants it: graphs by name, crops in, numpy maps out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from supernet.deploy.normalise import normalise
from supernet.families.family import GraphSpec


def check_device(name: str) -> None:
    """Refuse a torch device that this machine does not have.

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
    """Runs the graphs of a network without gradients; a `tracking.trackers.procedure.Network`.

    Outputs that other graphs take stay on the device.
    """

    def __init__(self, network: nn.Module, graphs: Sequence[GraphSpec], device: str = "cpu", channels_last: bool = False):
        """Take a network to a device.

        Args:
            network: Left in eval mode.
            graphs: Of its family.
            device: Where it runs.
            channels_last: Halves the time of depthwise convolutions on processors for batches; plain order is quicker for one crop.
        """
        check_device(device)
        network.eval().to(device)
        self._graphs = {spec.name: (spec.module(network).eval(), spec.outputs) for spec in graphs}
        self._passed_on = {name for spec in graphs for name in spec.inputs} & {name for spec in graphs for name in spec.outputs}
        self._device = device
        self._memory_format = torch.channels_last if channels_last else torch.contiguous_format

    @torch.no_grad()
    def run(self, graph: str, inputs: Mapping[str, Any]) -> list[Any]:
        module, names = self._graphs[graph]
        found = module(*(value if isinstance(value, Tensor) else self._crops(value) for value in inputs.values()))
        outputs = found if isinstance(found, tuple) else (found,)
        return [value if name in self._passed_on else value.cpu().numpy() for name, value in zip(names, outputs, strict=True)]

    def _crops(self, images: np.ndarray) -> Tensor:
        return torch.from_numpy(normalise(images)).to(self._device, memory_format=self._memory_format)
