"""Converts a float ONNX graph to int8 in the form that runtimes and NPUs take: QuantizeLinear and DequantizeLinear around every operator.

The quantisation is static, with one scale for each output channel of a weight, and calibrated with a single sample. This is enough for
timing, which does not depend on the scales. Source: onnxruntime.quantization, of which only the rewriting of graphs is used; the ranges
come from one run in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx
    from onnxruntime.quantization.calibrate import TensorsData


def quantise(graph: bytes, inputs: Mapping[str, np.ndarray]) -> bytes:
    """Convert a graph to int8; its inputs and outputs stay float32.

    Args:
        graph: A serialised ONNX model with fixed shapes, float32.
        inputs: One sample of every input, by name; the range of each tensor is that of its values for this sample.

    Returns:
        The serialised int8 model.
    """
    import onnx
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.quant_utils import QuantType

    model = onnx.shape_inference.infer_shapes(_plain(onnx.load_from_string(graph)))
    quantizer = QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=True,  # 7-bit weights: x86 processors without VNNI add pairs of products in 16 bits, which 8-bit weights overflow
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=_ranges(model, inputs),
        nodes_to_quantize=[],
        nodes_to_exclude=[],
        op_types_to_quantize=sorted({node.op_type for node in model.graph.node}),  # an operator in float would split an NPU's graph
        extra_options={},
    )
    quantizer.quantize_model()
    return quantizer.model.model.SerializeToString()


def _plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """Rewrite a graph so that the quantiser recognises all its weights.

    Constants become initializers, weights shared between operators (as equal biases are) are copied, and a BatchNorm becomes a
    depthwise convolution, since the quantiser would leave its mean and variance in float.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type == "Constant":
            weights[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Identity" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
        elif node.op_type == "BatchNormalization":
            scale, bias, mean, variance = (weights[name] for name in node.input[1:])
            factor = scale / np.sqrt(variance + helper.get_node_attr_value(node, "epsilon"))
            names = [f"{node.output[0]}:weight", f"{node.output[0]}:bias"]
            weights |= zip(names, (factor[:, None, None, None], bias - mean * factor), strict=True)
            nodes.append(helper.make_node("Conv", [node.input[0], *names], node.output, node.name, group=len(factor)))
        else:
            nodes.append(node)
    used = {name for node in nodes for name in node.input}
    initializers = [numpy_helper.from_array(weight, name) for name, weight in weights.items() if name in used]
    plain = helper.make_graph(nodes, graph.name, graph.input, graph.output, initializers)
    return helper.make_model(plain, opset_imports=model.opset_import, ir_version=model.ir_version)


def _ranges(model: onnx.ModelProto, inputs: Mapping[str, np.ndarray]) -> TensorsData:
    """Smallest and largest value of every float tensor of the graph, when it is run on these inputs."""
    import onnx
    import onnxruntime
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData

    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(value for value in model.graph.value_info if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    )  # optimisations would remove tensors that are watched
    session = onnxruntime.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    values = dict(inputs) | {name: np.asarray(value) for name, value in zip(names, session.run(None, inputs), strict=True)}
    return TensorsData(CalibrationMethod.MinMax, {name: (value.min(), value.max()) for name, value in values.items()})
