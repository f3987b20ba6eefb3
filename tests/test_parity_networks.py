"""Against outputs of the public LightTrack networks (../shared/golden); see its README for the rule behind the weights."""

import json
import zlib

import numpy as np
import pytest
import torch

from supernet.catalogue import find_architecture
from supernet.describe import describe
from supernet.families import FAMILIES
from supernet.families.lighttrack.weights import load_official, read_state_dict

pytestmark = pytest.mark.parity
NAMES = ["lighttrack_mobile", "deep_exit", "stride8_exit"]


def ruled_input(name: str, side: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(zlib.crc32(name.encode())).standard_normal((1, 3, side, side)).astype(np.float32))


@pytest.mark.parametrize("name", NAMES)
def test_every_map_agrees_with_the_public_network(shared, ruled, name):
    facts, golden = json.loads((shared / f"golden/{name}.json").read_text()), np.load(shared / f"golden/{name}.npz")
    network = FAMILIES["lighttrack"].network(find_architecture(facts["path"])).eval()
    assert {key: list(tensor.shape) for key, tensor in network.state_dict().items()} == facts["state_dict"]
    assert describe(facts["path"])["params"] == facts["params"]
    ruled(network)
    search = ruled_input("search", 256)
    with torch.no_grad():
        zf = network.template(ruled_input("template", 128))
        cls, reg = network.search(search, zf)
        ours = {"zf": zf, "xf": network.features(search), "fused": network.fuse(search, zf), "cls": cls, "reg": reg}
    for key, tensor in ours.items():
        assert np.abs(tensor.numpy() - golden[key]).max() <= 1e-4 * np.abs(golden[key]).max(), key


def test_mobile_has_the_published_size():
    facts = describe("lighttrack-mobile")
    assert facts["params"] == 1_969_397
    assert round(facts["macs_fvcore"] / 1e6, 1) == 530.4
    assert (round(facts["macs"] / 1e6, 1), round(facts["template_macs"] / 1e6, 1)) == (512.2, 83.2)


@pytest.fixture(scope="module")
def mobile(shared):
    network = FAMILIES["lighttrack"].network(find_architecture("lighttrack-mobile")).eval()
    path = shared / "weights/lighttrack_mobile.pth"
    load_official(network, read_state_dict(path), str(path))
    return TorchNetwork(network)


@pytest.mark.parametrize("case", range(4))
def test_real_weights_reproduce_real_outputs(shared, mobile, case):
    golden = np.load(shared / "golden/lighttrack_mobile_io.npz")
    crops = {key: golden[f"{case}.{key}_bgr_u8"][..., ::-1] for key in "zx"}
    features = mobile.template(crops["z"])
    cls, reg = mobile.search(crops["x"], features)
    for ours, key in ((features.numpy(), "zf"), (1 / (1 + np.exp(-cls[0])), "cls_sigmoid"), (reg[0], "reg_ltrb")):
        assert np.abs(ours - golden[f"{case}.{key}"]).max() <= 1e-3, key


def test_a_folded_batch_norm_becomes_the_exact_identity(shared, tmp_path):
    import_weights(shared / "weights/lighttrack_mobile.pth", architecture="lighttrack-mobile", out=tmp_path / "m.safetensors")
    network = FAMILIES["lighttrack"].network(find_architecture("lighttrack-mobile")).eval()
    load_official(network, read_state_dict(shared / "weights/lighttrack_mobile.pth"), "m")
    x = torch.randn(1, 16, 4, 4)
    norm = network.features.bn1
    assert torch.allclose(norm(x), x + norm.bias[:, None, None], rtol=0, atol=1e-6)
