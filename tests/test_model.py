import numpy as np
import onnxruntime
import torch
from torch import nn

from supernet.deploy.model import Model, with_reproducible_weights
from supernet.runtimes.runtime import sample


def values(module):
    return torch.cat([tensor.flatten() for tensor in module.parameters()])


def block():
    return nn.Sequential(nn.Conv2d(64, 64, 3), nn.BatchNorm2d(64))


def test_only_the_name_decides_ruled_weights():
    a, again, b = (with_reproducible_weights(name, block()) for name in ("a", "a", "b"))
    assert torch.equal(values(a), values(again)) and not torch.equal(values(a), values(b))


def test_ruled_weights_keep_the_size_of_a_signal():
    conv, norm = with_reproducible_weights("a", block())
    assert 0.9 < conv.weight.std() * (64 * 9) ** 0.5 < 1.1
    assert all(0.5 <= tensor.min() and tensor.max() <= 1.5 for tensor in (norm.weight, norm.running_var))
    assert all(0 < tensor.abs().mean() < 0.2 for tensor in (conv.bias, norm.bias, norm.running_mean))
    assert norm.num_batches_tracked == 0


def test_a_model_is_what_is_made_ready_for_inference_and_made_once():
    made = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))
    before = values(made).clone()
    model = Model("m", lambda: made, {"x": (1, 2, 4, 4)}, ("y",))
    assert model.module is made and not made.training and torch.equal(values(made), before)
    assert model.onnx is model.onnx


def test_the_graph_of_a_model_computes_what_its_module_does():
    model = Model("m", lambda: nn.Conv2d(2, 3, 1), {"x": (1, 2, 4, 4)}, ("y",))
    session = onnxruntime.InferenceSession(model.onnx, providers=["CPUExecutionProvider"])
    assert [[value.name for value in values] for values in (session.get_inputs(), session.get_outputs())] == [["x"], ["y"]]
    with torch.no_grad():
        expected = model.module(torch.from_numpy(model.sample["x"])).numpy()
    np.testing.assert_allclose(session.run(None, model.sample)[0], expected, atol=1e-5)


def test_samples_are_standard_normal_and_of_their_name_alone():
    first, again = sample({"a": (1, 3, 40, 40), "b": (1, 3, 40, 40)}), sample({"a": (1, 3, 40, 40)})
    assert np.array_equal(first["a"], again["a"]) and not np.array_equal(first["a"], first["b"])
    assert first["a"].dtype == np.float32 and first["a"].shape == (1, 3, 40, 40)
    assert abs(first["a"].mean()) < 0.05 and abs(first["a"].std() - 1) < 0.05
