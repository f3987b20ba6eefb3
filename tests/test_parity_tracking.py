"""Against boxes of the public tracker with the real weights (../shared/golden/lighttrack_mobile_tracks.npz)."""

import numpy as np
import pytest

from supernet.deploy.export import export
from supernet.deploy.track import track
from supernet.import_weights import import_weights
from tracking.boxes import iou
from tracking.files.annotations import read_boxes

pytestmark = pytest.mark.parity
SHORT = ("davis_car-shadow", "davis_tennis", "otb_Crossing", "otb_Man")
LONG = ("otb_Car1", "otb_Jumping", "otb_MotorRolling", "uav_person11", "vot_bag")


@pytest.fixture(scope="module")
def checkpoint(shared, tmp_path_factory):
    path = tmp_path_factory.mktemp("mobile") / "mobile.safetensors"
    import_weights(shared / "weights/lighttrack_mobile.pth", architecture="lighttrack-mobile", out=path)
    return path


@pytest.fixture(scope="module")
def bundle(checkpoint):
    export(str(checkpoint), out=checkpoint.parent / "bundle")
    return checkpoint.parent / "bundle"


def agreement(shared, model, name, tmp_path) -> float:
    track(str(model), str(shared / "sequences" / name), out=tmp_path / "boxes.txt")
    mean = iou(read_boxes(tmp_path / "boxes.txt"), np.load(shared / "golden/lighttrack_mobile_tracks.npz")[name]).mean()
    print(f"{name}: mean IoU with the public tracker's boxes {mean:.6f}")  # shown by pytest -s
    return mean


@pytest.mark.parametrize("name", ["davis_car-shadow"])
def test_checkpoint_reproduces_the_public_tracker(shared, checkpoint, name, tmp_path):
    assert agreement(shared, checkpoint, name, tmp_path) >= 0.99


@pytest.mark.parametrize("name", SHORT)
def test_bundle_reproduces_the_public_tracker(shared, bundle, name, tmp_path):
    assert agreement(shared, bundle, name, tmp_path) >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("name", (*SHORT, *LONG))
def test_checkpoint_reproduces_every_sequence(shared, checkpoint, name, tmp_path):
    assert agreement(shared, checkpoint, name, tmp_path) >= 0.99
