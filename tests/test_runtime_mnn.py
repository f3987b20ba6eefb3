import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from latency_tables.measuring.chains import Chain
from latency_tables.measuring.networks import typical
from supernet.deploy.model import Model
from supernet.families import FAMILIES
from supernet.runtimes.mnn import Mnn

BACKBONE = Chain(tuple(op for op in FAMILIES["nano"].operators(typical(FAMILIES["nano"], 1)[0]) if op.branch == "template"))


class Crossed(nn.Module):
    """Inputs of one shape and outputs of one shape, which only their order tells apart; channels that fill no block of four."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(3, 6, 3, padding=1)

    def forward(self, first, second):
        return self.a(first), self.a(first) - 2 * torch.relu(self.b(second))


CROSSED = Model("crossed", Crossed, {"z": (1, 3, 7, 5), "a": (1, 3, 7, 5)}, ("y", "b"))


@pytest.fixture
def package():
    return pytest.importorskip("MNN", reason="MNN is not installed")


def inputs(model):
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in model.shapes.items()}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("model", [CROSSED, BACKBONE.model], ids=["crossed", "backbone"])
def test_outputs_are_those_of_torch(package, model, threads):
    given = inputs(model)
    with torch.no_grad():
        expected = model.module(*map(torch.from_numpy, given.values()))
    expected = [tensor.numpy() for tensor in (expected if isinstance(expected, tuple) else (expected,))]
    graph = Mnn("fp32").load(Mnn("fp32").prepare(model), threads)
    graph.bind(given)
    assert graph.execute() is None
    outputs = graph.outputs()
    assert [(o.shape, o.dtype) for o in outputs] == [(e.shape, np.float32) for e in expected]
    for output, torchs in zip(outputs, expected, strict=True):
        assert np.abs(output - torchs).max() < 1e-5 * np.abs(torchs).max()


def test_a_model_is_converted_to_the_same_bytes_every_time(package):
    assert Mnn("fp32").prepare(CROSSED) == Mnn("fp32").prepare(CROSSED)


def test_converting_leaves_standard_output_alone(package, capfd):
    Mnn("fp32").prepare(CROSSED)
    assert capfd.readouterr().out == ""


def test_what_cannot_be_converted_is_an_error_that_names_the_model(package):
    broken = replace(CROSSED, name="broken")
    broken.__dict__["onnx"] = b"rubbish"  # where the cached property keeps its value
    with pytest.raises(ValueError, match="must convert broken"):
        Mnn("fp32").prepare(broken)


@pytest.mark.parametrize("change", [{"z": np.zeros((1, 3, 4, 4), np.float32)}, {"more": np.zeros((1, 3, 7, 5), np.float32)}])
def test_inputs_of_other_names_or_shapes_are_refused(package, change):
    graph = Mnn("fp32").load(Mnn("fp32").prepare(CROSSED), 1)
    with pytest.raises(ValueError, match="the model takes"):
        graph.bind(inputs(CROSSED) | change)


def test_an_error_code_is_an_error(package):
    graph = Mnn("fp32").load(Mnn("fp32").prepare(CROSSED), 1)
    graph.bind(inputs(CROSSED))
    interpreter, graph._interpreter = graph._interpreter, SimpleNamespace(runSession=lambda session: 3)
    with pytest.raises(RuntimeError, match="it returned 3"):
        graph.execute()
    graph._interpreter = interpreter  # MNN crashes where a session outlives it


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "MNN", None)
    monkeypatch.setattr("supernet.runtimes.mnn.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"chiptrack\[mnn\]"):
        Mnn("fp32").version()
    with pytest.raises(ImportError, match=r"chiptrack\[mnn\]"):
        Mnn("fp32").prepare(CROSSED)
