import io
import sys

import numpy as np
import pytest
import torch
from torch import nn

from latency_tables.measuring import networks
from latency_tables.measuring.chains import Chain, recipe
from latency_tables.measuring.networks import typical
from supernet.deploy.model import Model
from supernet.families import FAMILIES, NANO
from supernet.runtimes.onnxruntime import OnnxRuntime
from supernet.runtimes.torch_cuda import TorchCpu, TorchCuda

BACKBONE = Chain(tuple(op for op in FAMILIES["nano"].operators(typical(FAMILIES["nano"], 1)[0]) if op.branch == "template"))
LIMITS = {"fp32": 1e-5, "fp16": 0.01, "bf16": 0.05}


def error(runtime: TorchCpu, model: Model) -> float:
    """Root of the mean square, relative; the worst output."""
    ours, theirs = (r.load(r.prepare(model), 1).run(model.sample) for r in (runtime, OnnxRuntime("fp32")))
    assert all(a.shape == b.shape and a.dtype == np.float32 for a, b in zip(ours, theirs, strict=True))
    return max(float(np.sqrt(np.mean((a - b) ** 2) / np.mean(b**2))) for a, b in zip(ours, theirs, strict=True))


def models() -> list[Model]:
    join = next(op for op in NANO.all_operators if op.kind == "join")
    (architecture,) = networks.draw(NANO, 1, 0)
    whole = [networks.model(NANO, architecture, "search"), networks.model(NANO, architecture, "template")]
    return [BACKBONE.model, recipe(join, NANO)[0][1].model, *whole]


@pytest.mark.parametrize("precision", TorchCpu.precisions)
def test_outputs_agree_with_onnxruntime(precision):
    for model in models():
        assert error(TorchCpu(precision), model) < LIMITS[precision], model.name


@pytest.mark.gpu
@pytest.mark.parametrize("precision", TorchCuda.precisions)
def test_outputs_on_the_gpu_agree_with_onnxruntime(precision):
    for model in models():
        assert error(TorchCuda(precision), model) < LIMITS[precision], model.name


@pytest.mark.gpu
def test_a_replay_takes_the_time_of_its_events():
    runtime, model = TorchCuda("fp32"), BACKBONE.model
    graph = runtime.load(runtime.prepare(model), 1)
    graph.bind(model.sample)
    assert 0 < graph.execute() < 100


@pytest.mark.parametrize("precision", TorchCuda.precisions)
def test_what_travels_needs_no_class_of_this_project_and_holds_no_batch_norm(precision):
    with pytest.warns(DeprecationWarning):
        module = torch.jit.load(io.BytesIO(TorchCuda(precision).prepare(BACKBONE.model)))
    assert not list(module.parameters())
    assert "batch_norm" not in str(module.graph)
    constants = [node.output().toIValue() for node in module.graph.findAllNodes("prim::Constant")]
    weights = {value.dtype for value in constants if isinstance(value, torch.Tensor) and value.ndim}
    assert weights == {{"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]}


def test_the_model_stays_as_it_was():
    model = Model("conv", lambda: nn.Conv2d(2, 3, 1), {"x": (1, 2, 4, 4)}, ("y",))
    TorchCpu("bf16").prepare(model)
    assert model.module.weight.dtype == torch.float32


def test_threads_are_those_asked_for():
    model = Model("relu", nn.ReLU, {"x": (1, 2, 4, 4)}, ("y",))
    runtime = TorchCpu("fp32")
    graph = runtime.load(runtime.prepare(model), 2)
    graph.bind(model.sample)
    try:
        assert torch.get_num_threads() == 2
        assert graph.execute() is None
    finally:
        torch.set_num_threads(1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_named():
    with pytest.raises(ImportError, match="needs a GPU of NVIDIA"):
        TorchCuda("fp32").version()


@pytest.mark.parametrize("runtime", [TorchCpu, TorchCuda])
def test_a_missing_package_is_named(runtime, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="pip install torch"):
        runtime("fp32").version()
