import sys

import numpy as np
import pytest
from torch import nn
from torch.nn import functional as F

from latency_tables.measuring import networks
from latency_tables.measuring.chains import Chain, recipe
from latency_tables.measuring.networks import typical
from supernet.deploy.model import Model
from supernet.families import FAMILIES, NANO
from supernet.operators import Branch
from supernet.runtimes.litert import LiteRt
from supernet.runtimes.onnxruntime import OnnxRuntime

BACKBONE = Chain(tuple(op for op in FAMILIES["nano"].operators(typical(FAMILIES["nano"], 1)[0]) if op.branch == "template"))
pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")

BRANCHES: tuple[Branch, ...] = ("search", "template")


def run(runtime, model: Model) -> list[np.ndarray]:
    return runtime.load(runtime.prepare(model), 1).run(model.sample)


def error(precision: str, model: Model) -> float:
    """Root of the mean square, relative; the worst output."""
    pairs = list(zip(run(LiteRt(precision), model), run(OnnxRuntime("fp32"), model), strict=True))
    assert all(ours.shape == theirs.shape and ours.dtype == np.float32 for ours, theirs in pairs)
    return max(float(np.sqrt(np.mean((ours - theirs) ** 2) / np.mean(theirs**2))) for ours, theirs in pairs)


def one(make, *shapes) -> Model:
    return Model(repr(make()), make, {f"in_{i}": shape for i, shape in enumerate(shapes)}, ("output",))


class Product(nn.Module):
    def forward(self, a, b):
        return a @ b


class Every(nn.Module):
    def forward(self, a):
        return a[:, :, ::2]


class Quotient(nn.Module):
    def forward(self, a):
        return a / (a * a)


class Part(nn.Module):
    def forward(self, a):
        return F.pad(a, [1, 0, 2, 3])[:, 1:, -4:, 2:5]


class Swapped(nn.Module):
    def forward(self, a, b):
        return a * 2, b / 4


@pytest.mark.parametrize(
    "model",
    [
        one(lambda: nn.Conv2d(2, 3, 3, padding=1), (1, 2, 5, 7)),  # TFLite's SAME
        one(lambda: nn.Conv2d(2, 3, (3, 1), padding=(1, 0), bias=False), (1, 2, 5, 7)),
        one(lambda: nn.Conv2d(2, 3, 3, stride=2, padding=1), (1, 2, 6, 8)),  # SAME pads even sides behind alone
        one(lambda: nn.Conv2d(2, 3, 3, stride=2, padding=1), (1, 2, 5, 7)),
        one(lambda: nn.Conv2d(2, 3, 3), (1, 2, 5, 7)),
        one(lambda: nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4), (1, 4, 8, 8)),
        one(lambda: nn.Conv2d(4, 1, 3, padding=1), (1, 4, 8, 8)),
        one(lambda: nn.BatchNorm2d(3), (1, 3, 2, 4)),
        one(Product, (1, 3, 4), (1, 4, 5)),
        one(nn.Hardswish, (1, 3, 2, 4)),
        one(nn.Hardsigmoid, (1, 3, 2, 4)),
        one(lambda: nn.Sequential(nn.Conv2d(3, 2, 1), nn.Hardsigmoid()), (1, 3, 2, 4)),
        one(lambda: nn.AdaptiveAvgPool2d(1), (1, 3, 2, 4)),
        one(lambda: nn.AdaptiveMaxPool2d(1), (1, 3, 2, 4)),
        one(lambda: nn.MaxPool2d(2, (1, 2)), (1, 3, 4, 7)),
        one(lambda: nn.AvgPool2d((2, 3), (1, 2)), (1, 3, 4, 7)),
        one(lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)), (1, 3, 4, 4)),
        one(Part, (1, 3, 4, 6)),
    ],
    ids=lambda model: f"{model.name} {next(iter(model.shapes.values()))}",
)
def test_layers_agree_with_onnxruntime(model):
    assert error("fp32", model) < 1e-5


@pytest.mark.parametrize("precision, limit", [("fp32", 1e-5), ("int8", 0.1)])
def test_networks_agree_with_onnxruntime(precision, limit):
    if precision == "int8":
        pytest.importorskip("ai_edge_quantizer", reason="ai-edge-quantizer is not installed")
    models = [BACKBONE.model, *(networks.model(NANO, arch, branch) for arch in networks.draw(NANO, 2, 0) for branch in BRANCHES)]
    for model in models:
        assert error(precision, model) < limit, model.name


@pytest.mark.parametrize("name", FAMILIES)
def test_chains_of_every_kind_agree_with_onnxruntime(name):
    family = FAMILIES[name]
    for op in {op.kind: op for op in family.all_operators}.values():
        assert error("fp32", recipe(op, family)[0][1].model) < 1e-5, op.key


def test_int8_weights_take_a_quarter():
    pytest.importorskip("ai_edge_quantizer", reason="ai-edge-quantizer is not installed")
    model = one(lambda: nn.Conv2d(64, 128, 3), (1, 64, 4, 4))
    float_bytes, int8_bytes = (len(LiteRt(precision).prepare(model)) for precision in ("fp32", "int8"))
    assert int8_bytes < float_bytes / 3


def test_the_graph_runs_in_xnnpack_from_end_to_end():
    graph = LiteRt("fp32").load(LiteRt("fp32").prepare(BACKBONE.model), 1)
    graph.bind(BACKBONE.model.sample)
    assert graph.execute() is None
    assert [op["op_name"] for op in graph._interpreter._get_ops_details()].count("DELEGATE") == 1


def test_constants_and_activations_are_fused():
    module = nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU(), nn.Conv2d(3, 3, 1), nn.ReLU6())
    graph = LiteRt("fp32").load(LiteRt("fp32").prepare(one(lambda: module, (1, 2, 4, 4))), 1)
    assert [op["op_name"] for op in graph._interpreter._get_ops_details()] == ["CONV_2D", "CONV_2D", "DELEGATE"]


def test_a_value_with_two_readers_is_kept():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 1)

        def forward(self, x):
            y = self.conv(x)
            return y.relu() + y * 3 + y

    assert error("fp32", one(Both, (1, 2, 4, 4))) < 1e-6


def test_inputs_and_outputs_keep_their_order():
    model = Model("two", Swapped, {"z": (1, 2, 3, 4), "a": (1, 5, 1, 2)}, ("second", "first"))
    (a, b), sample = run(LiteRt("fp32"), model), model.sample
    np.testing.assert_allclose(a, 2 * sample["z"], rtol=1e-6)
    np.testing.assert_allclose(b, sample["a"] / 4, rtol=1e-6)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: nn.Tanh(), "no Tanh"),
        (lambda: nn.Conv2d(4, 4, 1, groups=2), "dense and depthwise"),
        (lambda: nn.Conv2d(4, 4, 3, dilation=2, padding=2), "without dilation"),
        (lambda: nn.Hardtanh(-1, 1), "no Clip"),
        (lambda: nn.Flatten(), "no Reshape|no Flatten"),
        (lambda: nn.ReflectionPad2d(1), "no Pad"),
        (lambda: nn.ConstantPad2d(1, 2.0), "no Pad"),
        (lambda: nn.AvgPool2d(3, 1, padding=1), "no AveragePool"),
        (Every, "no Slice"),
        (Quotient, "values with values"),
    ],
)
def test_what_cannot_be_written_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        LiteRt("fp32").prepare(one(make, (1, 4, 4, 4)))


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(ImportError, match=r"ai-edge-litert.*chiptrack\[litert\]"):
        LiteRt("fp32").version()
