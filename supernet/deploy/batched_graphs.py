"""Runs the graphs of a network with ONNX Runtime for several targets at once: a third of the time that torch takes on a CPU.

A target's outputs are to the last bit those that it has alone, whatever the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from supernet.deploy.normalise import normalise
from supernet.families.family import GraphSpec
from supernet.runtimes.onnxruntime import OnnxRuntime
from supernet.runtimes.runtime import Graph

if TYPE_CHECKING:
    from torch import nn


class BatchedGraphs:
    """Runs the graphs of a network for any number of targets, `batch` at a time; implements `tracking.trackers.procedure.Network`."""

    def __init__(self, network: nn.Module, specs: Sequence[GraphSpec], batch: int):
        """Export the graphs and load them.

        Args:
            network: The network, which is left in eval mode on the CPU.
            specs: The graphs of the network, from its family.
            batch: Number of targets that a graph runs at once; what is missing is filled with zeros.
        """
        self._batch = batch
        self._exported = _exported(network, specs, batch)
        self._graphs = _loaded(self._exported)

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs, which has the graphs without torch."""
        return {"_batch": self._batch, "_exported": self._exported}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._graphs = _loaded(self._exported)

    def run(self, graph: str, inputs: Mapping[str, Any]) -> list[np.ndarray]:
        prepared = {name: normalise(value) if value.dtype == np.uint8 else value for name, value in inputs.items()}
        count = len(next(iter(prepared.values())))
        parts = [self._part(graph, {n: value[i : i + self._batch] for n, value in prepared.items()}) for i in range(0, count, self._batch)]
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]

    def _part(self, graph: str, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs for at most `batch` targets."""
        count = len(next(iter(inputs.values())))
        filled = {
            name: np.concatenate([value, np.zeros((self._batch - count, *value.shape[1:]), value.dtype)]) for name, value in inputs.items()
        }
        return [output[:count] for output in self._graphs[graph].run(filled)]


def _exported(network: nn.Module, specs: Sequence[GraphSpec], batch: int) -> dict[str, bytes]:
    import torch  # which takes seconds, and a process that is given the graphs needs none

    from supernet.deploy.onnx_graph import to_onnx

    network.eval().to("cpu")
    graphs = {}
    for spec in specs:
        inputs = {name: torch.zeros((batch, *shape[1:])) for name, shape in spec.inputs.items()}
        graphs[spec.name] = to_onnx(spec.module(network), inputs, spec.outputs)
    return graphs


def _loaded(exported: Mapping[str, bytes]) -> dict[str, Graph]:
    return {name: OnnxRuntime("fp32").load(graph, threads=1) for name, graph in exported.items()}
