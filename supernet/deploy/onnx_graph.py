"""Exports a torch module as an ONNX graph."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

OPSET = 17
"""ONNX operator set: new enough for every operator here, old enough for the converters of mobile runtimes."""


def to_onnx(module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> bytes:
    """Export a module with fixed shapes; BatchNorms that follow a convolution are folded into it.

    Args:
        module: Module that takes the inputs in order; it is put into eval mode.
        inputs: Example tensors by name; their shapes become the graph's.
        outputs: Names of the outputs.

    Returns:
        The serialised ONNX model.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # dynamo=False: this exporter needs no onnxscript and is about six times as fast on these graphs
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", "Constant folding - Only steps=1")  # `_folded` does what it leaves
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # pyright: ignore[reportPrivateImportUsage]
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            buffer,  # pyright: ignore[reportArgumentType]
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=OPSET,
            dynamo=False,
        )
    return _folded(buffer.getvalue())


def _folded(content: bytes) -> bytes:
    """Compute what depends on no input, such as the widths of a padding, which the exporter spells as eight operators on constants."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_from_string(content)
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes, found = [], 0
    for node in model.graph.node:
        if node.op_type == "Constant":
            known[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type != "Identity" and all(name in known for name in node.input):
            known[node.output[0]] = _computed(node, known)
            node = helper.make_node("Constant", [], node.output, node.name, value=numpy_helper.from_array(known[node.output[0]]))
            found += 1
        nodes.append(node)
    if not found:
        return content
    read = {name for node in nodes for name in node.input} | {value.name for value in model.graph.output}
    del model.graph.node[:]
    model.graph.node.extend(node for node in nodes if node.op_type != "Constant" or node.output[0] in read)
    return model.SerializeToString()


def _computed(node, known: Mapping[str, np.ndarray]) -> np.ndarray:
    """The output of an ONNX operator whose inputs are known."""
    from onnx.reference import ReferenceEvaluator

    (value,) = ReferenceEvaluator(node, opsets={"": OPSET}).run(None, {name: known[name] for name in node.input})
    return np.asarray(value)
