import numpy as np
import pytest

from latency_tables.measuring.chains import Chain
from latency_tables.measuring.networks import typical
from supernet.families import FAMILIES
from supernet.runtimes.onnxruntime import OnnxRuntime
from supernet.runtimes.openvino import OpenVino, OpenVinoGpu, OpenVinoNpu

BACKBONE = Chain(tuple(op for op in FAMILIES["nano"].operators(typical(FAMILIES["nano"], 1)[0]) if op.branch == "template"))
openvino = pytest.importorskip("openvino", reason="openvino is not installed")
JOIN = Chain(tuple(op for op in FAMILIES["nano"].all_operators if op.kind == "join")[:1])


def loaded(runtime, model):
    graph = runtime.load(runtime.prepare(model), 1)
    graph.bind(model.sample)
    return graph


def relative_error(ours, theirs):
    return np.sqrt(np.mean((ours - theirs) ** 2) / np.mean(theirs**2))


@pytest.mark.parametrize("precision, low, high", [("fp32", 0, 1e-5), ("int8", 1e-4, 0.1)])
@pytest.mark.parametrize("chain", [BACKBONE, JOIN], ids=["backbone", "join"])
def test_outputs_are_those_of_onnxruntime(chain, precision, low, high):
    (expected,) = loaded(OnnxRuntime("fp32"), chain.model).run(chain.model.sample)
    graph = loaded(OpenVino(precision), chain.model)
    assert graph.execute() is None
    (output,) = graph.outputs()
    assert output.dtype == np.float32 and low <= relative_error(output, expected) < high


@pytest.mark.parametrize("precision, expected", [("fp32", {"f32"}), ("int8", {"u8", "i8"})])
def test_convolutions_compute_in_the_precision_that_was_asked_for(precision, expected):
    request = loaded(OpenVino(precision), BACKBONE.model)._request
    nodes = [node.get_rt_info() for node in request.get_compiled_model().get_runtime_model().get_ops()]
    found = {node["runtimePrecision"].astype(str) for node in nodes if node["layerType"].astype(str) == "Convolution"}
    assert found and found <= expected


def test_one_thread_is_asked_for_and_nothing_is_pinned():
    compiled = loaded(OpenVino("fp32"), JOIN.model)._request.get_compiled_model()
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1
    assert not compiled.get_property("ENABLE_CPU_PINNING")


@pytest.mark.parametrize("runtime", [OpenVinoGpu, OpenVinoNpu])
def test_a_device_that_is_not_there_is_named(runtime):
    if any(device.startswith(runtime.device) for device in openvino.Core().available_devices):
        pytest.skip(f"this machine has a {runtime.device}")
    with pytest.raises(ImportError, match=f"{runtime.device}, here it finds CPU"):
        runtime("int8").version()


def test_version():
    assert OpenVino("fp32").version() == openvino.__version__
