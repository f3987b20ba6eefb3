"""Every runtime computes what small trackers are made of as torch does; each block has its simplest form, without any family."""

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from latency_tables.devices import devices
from supernet.deploy.bundle import RuntimeGraphs
from supernet.deploy.model import Model, with_reproducible_weights
from supernet.deploy.torch_graphs import TorchGraphs
from supernet.families.family import GraphSpec
from supernet.runtimes import RUNTIMES
from tracking.generated.synthetic import synthetic_sequence
from tracking.trackers.procedure import follow
from tracking.trackers.siamese import Siamese, SiameseSettings

TOLERANCES = {"fp32": 1e-4, "fp16": 0.02, "bf16": 0.05, "int8": 0.15}
"""Largest difference from torch by precision, as a share of an output's largest value."""
PAIRS = [(name, precision) for name, runtime in RUNTIMES.items() for precision in runtime.precisions]
CHANNELS, CELLS = 16, 4


class Backbone(nn.Module):
    """Strided dense convolutions, depthwise ones, hard-swish, and squeeze-and-excitation with a hard and with a soft sigmoid."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
        self.dense = nn.Sequential(nn.Conv2d(8, CHANNELS, 3, 2, 1), nn.ReLU())
        self.depthwise = nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 7, 1, 3, groups=CHANNELS), nn.Hardswish())
        self.hard = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(CHANNELS, 4, 1), nn.ReLU(), nn.Conv2d(4, CHANNELS, 1), nn.Hardsigmoid()
        )
        self.soft = nn.Sequential(nn.Conv2d(CHANNELS, 4, 1), nn.ReLU(), nn.Conv2d(4, CHANNELS, 1), nn.Sigmoid())
        self.last = nn.Conv2d(CHANNELS, CHANNELS, 5, 2, 2, groups=CHANNELS, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dense(self.stem(x))
        y = self.depthwise(x)
        y = y * self.hard(y)
        y = y * self.soft(y.mean((2, 3), keepdim=True))
        return F.hardswish(self.last(x + y))


class Search(nn.Module):
    """Pixel-wise and depth-wise correlation of search and template features; from their sum `cls`, `reg` and `presence`."""

    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.pixelwise = nn.Conv2d(CELLS**2, 8, 1)
        self.depthwise = nn.Conv2d(CHANNELS, 8, 1)
        self.cls, self.reg = nn.Conv2d(8, 1, 3, padding=1), nn.Conv2d(8, 4, 3, padding=1)
        self.presence = nn.Linear(8, 1)

    def forward(self, search: Tensor, template_features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, z = self.norm(self.backbone(search)), template_features
        B, C, H, W = x.shape
        maps = torch.matmul(z.reshape(B, C, -1).transpose(1, 2), x.reshape(B, C, H * W)) * C**-0.5
        padded, kernel = F.pad(x, [1] * 4), F.avg_pool2d(z, CELLS - 2, 1)
        products = [padded[:, :, i : i + H, j : j + W] * kernel[:, :, i : i + 1, j : j + 1] for i in range(3) for j in range(3)]
        total = products[0]
        for product in products[1:]:
            total = total + product
        fused = self.pixelwise(maps.reshape(B, -1, H, W)) + self.depthwise(total * (1 / 3))
        return self.cls(fused), 12.0 * F.relu(self.reg(fused)), self.presence(F.adaptive_max_pool2d(fused, 1).flatten(1))


def model(name: str, make, shapes: dict[str, tuple[int, ...]], *outputs: str) -> Model:
    return Model(name, lambda: with_reproducible_weights(name, make()), shapes, outputs)


TEMPLATE = model("blocks:template", Backbone, {"template": (1, 3, 32, 32)}, "template_features")
SEARCH = model(
    "blocks:search", Search, {"search": (1, 3, 64, 64), "template_features": (1, CHANNELS, CELLS, CELLS)}, "cls", "reg", "presence"
)


@pytest.fixture(scope="module")
def here():
    return {record["runtime"]: record for record in devices()}


def by_torch(model: Model, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    with torch.no_grad():
        found = model.module(*map(torch.from_numpy, inputs.values()))
    return [value.numpy() for value in (found if isinstance(found, tuple) else (found,))]


@pytest.mark.parametrize("name, precision", PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_every_runtime_computes_the_blocks_as_torch_does(here, name, precision):
    if not here[name]["usable"]:
        pytest.skip(here[name]["install"])
    runtime = RUNTIMES[name](precision)
    for each in (TEMPLATE, SEARCH):
        try:
            found = runtime.load(runtime.prepare(each), 1).run(each.sample)
        except (NotImplementedError, ValueError) as err:
            if isinstance(err, NotImplementedError) or precision == "fp16" and "fp16" in str(err):
                pytest.skip(str(err))
            raise
        for ours, theirs in zip(found, by_torch(each, each.sample), strict=True):
            assert ours.shape == theirs.shape
            assert np.abs(ours - theirs).max() <= TOLERANCES[precision] * np.abs(theirs).max()


def test_all_outputs_depend_on_the_inputs():
    """Else the comparisons would show nothing."""
    one = by_torch(SEARCH, SEARCH.sample)
    for changed in ("search", "template_features"):
        other = by_torch(SEARCH, {name: -value if name == changed else value for name, value in SEARCH.sample.items()})
        assert all(np.abs(a - b).max() > 0.1 * np.abs(a).max() for a, b in zip(one, other, strict=True))


def test_what_depends_on_no_input_is_computed_before_a_runtime_sees_it():
    """The exporter spells the widths of a padding as eight operators."""
    nodes = onnx.load_from_string(SEARCH.onnx).graph.node
    made = {node.op_type for node in nodes}
    assert {"Pad", "Slice", "HardSwish", "HardSigmoid", "GlobalMaxPool", "Gemm"} <= made and not {"ConstantOfShape", "Cast", "Pow"} & made
    constants = {node.output[0] for node in nodes if node.op_type == "Constant"}
    assert not any(node.input and set(node.input) <= constants for node in nodes)


def test_a_tracker_with_presence_says_the_same_with_torch_and_with_a_runtime():
    """The score is the third output's sigmoid, not the first one's."""
    settings = SiameseSettings(32, 64, 64, penalty_k=0.05, lr=0.5, window_influence=0.2, aligned=True)
    graphs, load = {"template": TEMPLATE, "search": SEARCH}, RUNTIMES["onnxruntime"]("fp32").load
    specs = [GraphSpec(name, each.shapes, each.outputs, lambda _, each=each: each.module) for name, each in graphs.items()]
    by_torch, by_runtime = TorchGraphs(nn.Identity(), specs), RuntimeGraphs({name: load(each.onnx, 1) for name, each in graphs.items()})
    sequence = synthetic_sequence(1, frames=6)
    one, other = (
        [result for _, result, _ in follow(Siamese(graphs, settings), sequence.frames, sequence.boxes[0])]
        for graphs in (by_torch, by_runtime)
    )
    for a, b in zip(one, other, strict=True):
        assert a.box == pytest.approx(b.box, abs=1e-2) and a.score == pytest.approx(b.score, abs=1e-4)
    assert len({round(result.score, 4) for result in one}) > 3


def test_litert_runs_the_blocks_in_xnnpack_from_end_to_end(here):
    if not here["litert"]["usable"]:
        pytest.skip(here["litert"]["install"])
    graph: Any = RUNTIMES["litert"]("fp32").load(RUNTIMES["litert"]("fp32").prepare(SEARCH), 1)
    graph.run(SEARCH.sample)
    assert [op["op_name"] for op in graph._interpreter._get_ops_details()].count("DELEGATE") == 1
