import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper
from torch import nn

from latency_tables.measuring.chains import Chain
from latency_tables.measuring.networks import typical
from supernet.deploy.onnx_graph import to_onnx
from supernet.deploy.quantise import quantise
from supernet.families import FAMILIES

BACKBONE = Chain(tuple(op for op in FAMILIES["nano"].operators(typical(FAMILIES["nano"], 1)[0]) if op.branch == "template"))
JOIN = Chain(tuple(op for op in FAMILIES["nano"].all_operators if op.kind == "join")[:1])


def inputs_of(model):
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape, np.float32) for name, shape in model.shapes.items()}


def run(graph, inputs):
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(None, inputs)


def relative_error(ours, theirs):
    return np.sqrt(np.mean((ours - theirs) ** 2) / np.mean(theirs**2))


@pytest.fixture(scope="module", params=[BACKBONE, JOIN], ids=["backbone", "join"])
def pair(request):
    """A chain's graph, as float and int8, with inputs."""
    model = request.param.model
    inputs = inputs_of(model)
    return model.onnx, quantise(model.onnx, inputs), inputs


def test_stays_close_to_the_float_graph(pair):
    original, quantised, inputs = pair
    assert 1e-4 < relative_error(run(quantised, inputs)[0], run(original, inputs)[0]) < 0.1


def test_inputs_and_outputs_stay(pair):
    original, quantised, _ = (onnx.load_from_string(graph).graph for graph in (*pair[:2], pair[0]))
    assert list(quantised.input) == list(original.input) and list(quantised.output) == list(original.output)


def test_every_operator_works_on_integers_and_weights_have_a_scale_for_each_channel(pair):
    graph = onnx.load_from_string(pair[1]).graph
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    producers = {name: node for node in graph.node for name in node.output}
    convolutions = 0
    for node in graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            continue
        assert node.op_type not in ("Constant", "Identity", "BatchNormalization")
        sources = [
            producers[name] for name in node.input if name not in initializers
        ]  # a Reshape's shape and a Clip's limits are no values
        assert all(source.op_type == "DequantizeLinear" for source in sources)
        if node.op_type == "Conv":
            convolutions += 1
            kinds = [TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32][: len(sources)]
            weight, scale = (initializers[name] for name in sources[1].input[:2])
            assert [initializers[source.input[2]].data_type for source in sources] == kinds
            assert scale.dims[0] == weight.dims[0] == numpy_helper.to_array(weight).shape[0]
    assert convolutions


def test_a_batch_norm_keeps_its_meaning():
    norm = nn.BatchNorm2d(3)
    for tensor, values in (
        (norm.weight, [1, 3, -2]),
        (norm.bias, [1, 0, 2]),
        (norm.running_mean, [0.5, -1, 0]),
        (norm.running_var, [4, 1, 9]),
    ):
        assert tensor is not None
        tensor.data = torch.tensor(values, dtype=torch.float32)
    x = np.random.default_rng(0).standard_normal((1, 3, 16, 16), np.float32)
    with torch.no_grad():
        expected = norm.eval()(torch.from_numpy(x)).numpy()
    graph = to_onnx(nn.Sequential(norm), {"x": torch.zeros(1, 3, 16, 16)}, ["y"])
    assert "BatchNormalization" in {node.op_type for node in onnx.load_from_string(graph).graph.node}
    assert relative_error(run(quantise(graph, {"x": x}), {"x": x})[0], expected) < 0.02
