import io
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from latency_tables.measuring.chains import Chain
from latency_tables.measuring.networks import typical
from supernet.deploy.model import Model
from supernet.families import FAMILIES
from supernet.runtimes.ncnn import Ncnn, NcnnGraph, NcnnVulkan

BACKBONE = Chain(tuple(op for op in FAMILIES["nano"].operators(typical(FAMILIES["nano"], 1)[0]) if op.branch == "template"))


class Crossed(nn.Module):
    """Inputs of one shape and outputs of one shape, which only their order tells apart; maps whose size is no multiple of 16 bytes."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(3, 6, 3, padding=1)

    def forward(self, first, second):
        return self.a(first), self.a(first) - 2 * torch.relu(self.b(second))


CROSSED = Model("crossed", Crossed, {"z": (1, 3, 7, 5), "a": (1, 3, 7, 5)}, ("y", "b"))


@pytest.fixture
def package():
    pytest.importorskip("pnnx", reason="pnnx is not installed")
    return pytest.importorskip("ncnn", reason="ncnn is not installed")


def inputs(model):
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in model.shapes.items()}


def largest_error(runtime, model, threads=1):
    given = inputs(model)
    with torch.no_grad():
        expected = model.module(*map(torch.from_numpy, given.values()))
    expected = [tensor.numpy() for tensor in (expected if isinstance(expected, tuple) else (expected,))]
    outputs = runtime.load(runtime.prepare(model), threads).run(given)
    assert [(o.shape, o.dtype) for o in outputs] == [(e.shape, np.float32) for e in expected]
    return max(np.abs(o - e).max() / np.abs(e).max() for o, e in zip(outputs, expected, strict=True))


@pytest.mark.parametrize("model", [CROSSED, BACKBONE.model], ids=["crossed", "backbone"])
def test_outputs_are_those_of_torch_and_as_precise_as_asked(package, model):
    assert largest_error(Ncnn("fp32"), model) < 1e-5
    assert largest_error(Ncnn("fp32"), model, threads=2) < 1e-5
    assert 1e-4 < largest_error(Ncnn("bf16"), model) < 2e-2


def test_fp16_is_refused_where_the_processor_has_none(package, monkeypatch):
    monkeypatch.setattr(package, "cpu_support_arm_asimdhp", lambda: 0)
    with pytest.raises(ValueError, match="take fp32 or bf16"):
        Ncnn("fp16").load(b"", 1)


def test_a_model_is_converted_to_the_same_bytes_every_time(package):
    assert Ncnn("fp32").prepare(CROSSED) == Ncnn("fp32").prepare(CROSSED)


def test_what_pnnx_cannot_read_is_an_error_that_names_the_model(package):
    broken = replace(CROSSED, name="broken")
    broken.__dict__["onnx"] = b"rubbish"  # where the cached property keeps its value
    with pytest.raises(ValueError, match="must convert broken"):
        Ncnn("fp32").prepare(broken)


def archive(param, weights):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("model.ncnn.param", param)
        file.writestr("model.ncnn.bin", weights)
    return packed.getvalue()


GRAPH = "7767517\n2 2\nInput in0 0 1 in0\n{layer} 1 1 in0 out0\n"


@pytest.mark.parametrize(
    "prepared, error",
    [
        (archive(GRAPH.format(layer="Sorcery sorcery"), b""), "does not know Sorcery"),
        (archive(GRAPH.format(layer="Convolution conv").rstrip() + " 0=1 1=1 6=3\n", b"short"), "read the weights"),
        (archive(GRAPH.replace("7767517", "7").format(layer="ReLU relu"), b""), "read the graph"),
        (archive(GRAPH.format(layer="ReLU relu"), b""), "takes 1 inputs, got a, b"),
    ],
)
def test_no_error_code_of_loading_is_missed(package, prepared, error):
    given = dict.fromkeys("ab", np.zeros((1, 3, 4, 4), np.float32))
    with pytest.raises((ValueError, RuntimeError), match=error):
        Ncnn("fp32").load(prepared, 1).bind(given)


class Net:
    """Two outputs; one of them fails."""

    def __init__(self, codes):
        self.codes = codes
        self.extracted = []

    def input_names(self):
        return []

    def output_names(self):
        return list(self.codes)

    def create_extractor(self):
        return self

    def extract(self, name):
        self.extracted.append(name)
        return self.codes[name], None


def bound(net):
    graph = NcnnGraph(net)
    graph.bind({})
    return graph


def test_a_run_computes_every_output_and_checks_each(package):
    net = Net({"out0": 0, "out1": 0})
    bound(net).execute()
    assert net.extracted == ["out0", "out1"]
    with pytest.raises(RuntimeError, match="compute out1, it returned -100"):
        bound(Net({"out0": 0, "out1": -100})).execute()


@pytest.mark.parametrize("precision, tolerance", [("fp32", 1e-5), ("fp16", 5e-3)])
def test_vulkan_computes_the_same(package, precision, tolerance):
    if not package.get_gpu_count():
        pytest.skip("no Vulkan device")
    assert largest_error(NcnnVulkan(precision), CROSSED) < tolerance


@pytest.mark.parametrize("call", [lambda runtime: runtime.version(), lambda runtime: runtime.load(b"", 1)])
def test_vulkan_without_a_device_is_not_the_processor(package, monkeypatch, call):
    monkeypatch.setattr(package, "get_gpu_count", lambda: 0)
    with pytest.raises(ImportError, match="this machine has none"):
        call(NcnnVulkan("fp32"))


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ncnn", None)
    monkeypatch.setitem(sys.modules, "pnnx", None)
    with pytest.raises(ImportError, match=r"chiptrack\[ncnn\]"):
        Ncnn("fp32").version()
    with pytest.raises(ImportError, match=r"chiptrack\[ncnn\]"):
        Ncnn("fp32").prepare(CROSSED)
