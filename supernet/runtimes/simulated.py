"""A roofline model in place of a device: deterministic times for tests, never a measurement.

The time of each node of the ONNX graph is that of a launch, plus the time for computing or for moving its data, whichever is longer
(Williams et al., Roofline, CACM 2009). int8 computes four times as fast and moves a quarter of the bytes; a launch takes the same time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal

from supernet.runtimes.runtime import Convertible, Graph

if TYPE_CHECKING:
    import numpy as np

LAUNCH_MS = 0.002
"""Milliseconds of one launch."""
MACS_PER_MS = 50e6
"""Multiply-adds of fp32 in a millisecond."""
BYTES_PER_MS = 10e6
"""Bytes that are moved in a millisecond."""
WATTS = 2.0
"""Power, for the energy of a run."""
_BYTES = {"fp32": 4, "int8": 1}
_FREE = ("Constant", "Identity")


class Simulated:
    """A simulated device; the number of threads changes nothing."""

    package: ClassVar[str] = ""
    extra: ClassVar[str] = ""
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "int8")
    clock: ClassVar[Literal["cpu", "wall"]] = "wall"

    def __init__(self, precision: str):
        self._bytes = _BYTES[precision]

    def version(self) -> str:
        return "roofline-1"

    def prepare(self, model: Convertible) -> bytes:
        import onnx

        graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(model.onnx), data_prop=True).graph
        shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
        for value in (*graph.input, *graph.value_info, *graph.output):
            shapes[value.name] = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        return json.dumps({"ms": sum(self._node_ms(node, shapes) for node in graph.node if node.op_type not in _FREE)}).encode()

    def _node_ms(self, node, shapes: Mapping[str, tuple[int, ...]]) -> float:
        elements = sum(prod(shapes[name]) for name in (*node.input, *node.output) if name)
        macs_per_ms = MACS_PER_MS * 4 / self._bytes
        return LAUNCH_MS + max(_macs(node, shapes) / macs_per_ms, elements * self._bytes / BYTES_PER_MS)

    def load(self, prepared: bytes, threads: int) -> SimulatedGraph:
        return SimulatedGraph(json.loads(prepared)["ms"])


class SimulatedGraph(Graph):
    """A graph that only states its simulated time and energy."""

    def __init__(self, ms: float):
        self._ms = ms

    def bind(self, inputs: Mapping[str, np.ndarray]) -> None:
        pass

    def execute(self) -> float:
        return self._ms

    def energy_mj(self) -> float:
        return WATTS * self._ms

    def outputs(self) -> list[np.ndarray]:
        raise NotImplementedError("a simulation computes no outputs")


def _macs(node, shapes: Mapping[str, tuple[int, ...]]) -> int:
    match node.op_type:
        case "Conv":
            return prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
        case "MatMul":
            return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    return 0
