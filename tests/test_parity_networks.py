"""Against outputs of the public LightTrack networks (../shared/golden); see its README for the rule behind the weights."""

import json
import zlib

import numpy as np
import pytest
import torch

from supernet.catalogue import find_architecture
from supernet.deploy.torch_graphs import TorchGraphs
from supernet.describe import describe
from supernet.families import FAMILIES
from supernet.families.lighttrack.weights import load_official, official_name
from supernet.import_weights import import_weights, read_state_dict

pytestmark = pytest.mark.parity
FAMILY = FAMILIES["lighttrack"]
LAYERS = [stage.layers for stage in FAMILY.stages]
NAMES = ["lighttrack_mobile", "deep_exit", "stride8_exit"]


def ruled_input(name: str, side: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(zlib.crc32(name.encode())).standard_normal((1, 3, side, side)).astype(np.float32))


def fill_by_rule(network: torch.nn.Module) -> None:
    """Weights by the reference's rule: every tensor drawn from the crc32 of its official name."""
    state = {}
    for name, tensor in network.state_dict().items():
        official, shape = official_name(name, LAYERS), tuple(tensor.shape)
        draw = np.random.default_rng(zlib.crc32(official.encode()))
        if official.endswith("num_batches_tracked"):
            values = np.zeros(shape)
        elif official.endswith("running_var"):
            values = draw.uniform(0.5, 1.5, shape)
        elif official.endswith(("running_mean", "bias")):
            values = 0.1 * draw.standard_normal(shape)
        elif len(shape) == 1:
            values = draw.uniform(0.5, 1.5, shape)
        else:
            values = draw.standard_normal(shape) * np.sqrt(1 / np.prod(shape[1:]))
        state[name] = torch.from_numpy(np.asarray(values)).to(tensor.dtype)
    network.load_state_dict(state)


@pytest.mark.parametrize("name", NAMES)
def test_every_map_agrees_with_the_public_network(shared, name):
    facts, golden = json.loads((shared / f"golden/{name}.json").read_text()), np.load(shared / f"golden/{name}.npz")
    network = FAMILY.network(find_architecture(facts["path"])).eval()
    assert {official_name(key, LAYERS): list(tensor.shape) for key, tensor in network.state_dict().items()} == facts["state_dict"]
    assert describe(facts["path"])["params"] == facts["params"]
    fill_by_rule(network)
    search = ruled_input("search", 256)
    with torch.no_grad():
        zf = network.template(ruled_input("template", 128))
        cls, reg = network.search(search, zf)
        ours = {"zf": zf, "xf": network.backbone(search), "fused": network.fuse(search, zf), "cls": cls, "reg": reg}
    for key, tensor in ours.items():
        assert np.abs(tensor.numpy() - golden[key]).max() <= 1e-4 * np.abs(golden[key]).max(), key


def test_mobile_has_the_published_size():
    facts = describe("lighttrack-mobile")
    assert facts["params"] == 1_969_397
    assert round(facts["macs_fvcore"] / 1e6, 1) == 530.4
    assert (round(facts["macs"] / 1e6, 1), round(facts["template_macs"] / 1e6, 1)) == (512.2, 83.2)


@pytest.fixture(scope="module")
def mobile(shared):
    network = FAMILY.network(find_architecture("lighttrack-mobile")).eval()
    path = shared / "weights/lighttrack_mobile.pth"
    load_official(network, read_state_dict(path), LAYERS, str(path))
    return TorchGraphs(network, FAMILY.graphs(find_architecture("lighttrack-mobile"), FAMILY.settings))


@pytest.mark.parametrize("case", range(4))
def test_real_weights_reproduce_real_outputs(shared, mobile, case):
    golden = np.load(shared / "golden/lighttrack_mobile_io.npz")
    z, x = (golden[f"{case}.{key}_bgr_u8"][..., ::-1] for key in "zx")
    (features,) = mobile.run("template", {"template": z})
    cls, reg = map(np.asarray, mobile.run("search", {"search": x, "template_features": features}))
    for ours, key in ((np.asarray(features), "zf"), (1 / (1 + np.exp(-cls[0])), "cls_sigmoid"), (reg[0], "reg_ltrb")):
        assert np.abs(ours - golden[f"{case}.{key}"]).max() <= 1e-3, key


def test_a_folded_batch_norm_becomes_the_exact_identity(shared, tmp_path):
    import_weights(shared / "weights/lighttrack_mobile.pth", architecture="lighttrack-mobile", out=tmp_path / "m.safetensors")
    network = FAMILY.network(find_architecture("lighttrack-mobile")).eval()
    load_official(network, read_state_dict(shared / "weights/lighttrack_mobile.pth"), LAYERS, "m")
    x = torch.randn(1, 16, 4, 4)
    norm = network.backbone[0].bn1
    assert torch.allclose(norm(x), x + norm.bias[:, None, None], rtol=0, atol=1e-6)
