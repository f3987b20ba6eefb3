import json

import numpy as np
import pytest

from benchmarks.overlap import generated_clips
from benchmarks.presence_auc import auc_on_clips, kind_of, measure
from benchmarks.record import Record
from supernet.checkpoints import save_supernet, save_tracker
from supernet.families import FAMILIES
from supernet.training.inherit import inherit
from supernet.training.initialise import initialise
from tracking.sequence import Sequence


class Told:
    """A procedure whose score is what the image's first byte says."""

    def start(self, images, boxes):
        return boxes

    def step(self, images, state):
        return state, state, np.array([image[0, 0, 0] / 255 for image in images])


def clip(scores, visible):
    images = tuple(np.full((4, 4, 3), round(255 * each), np.uint8) for each in scores)
    return Sequence("clip", images, np.tile([1.0, 1, 2, 2], (len(scores), 1)), np.array(visible))


@pytest.mark.parametrize(
    "scores, auc",
    [
        ((0, 0.9, 0.8, 0.1, 0.2), 1),  # whatever the score of the first frame is
        ((1, 0.1, 0.2, 0.9, 0.8), 0),
        ((1, 0.5, 0.5, 0.5, 0.5), 0.5),
        ((1, 0.9, 0.3, 0.5, 0.1), 0.75),
    ],
)
def test_areas_are_known_by_counting(scores, auc):
    told = clip(scores, [True, True, True, False, False])
    assert auc_on_clips(Told(), [told]) == auc
    assert auc_on_clips(Told(), [told] * 9) == auc  # more than are tracked at once


def test_networks_are_judged_on_clips_and_on_pairs(tmp_path):
    family = FAMILIES["elastic"]
    supernet = family.supernet()
    initialise(supernet, 0)
    save_supernet(tmp_path / "s.safetensors", supernet)
    record = Record(tmp_path / "x.json", "presence_auc.py", {})
    clips = generated_clips(1, 8, absences=True)
    assert not clips[0].visible.all()
    (row,) = measure(tmp_path / "s.safetensors", 1, record, clips, 32, "synthetic")
    assert row["macs"] < 2e6 and 0 <= row["on_clips"] <= 1 and 0 <= row["on_pairs"] <= 1
    assert kind_of(tmp_path / "s.safetensors") == "supernet"
    assert len(json.loads((tmp_path / "x.json").read_text())["rows"]) == 1


def test_a_network_without_the_output_has_no_area_on_pairs(tmp_path):
    family = FAMILIES["nano"]
    supernet = family.supernet()
    initialise(supernet, 0)
    save_tracker(tmp_path / "t.safetensors", inherit(supernet, family.space.sample(np.random.default_rng(0))))
    (row,) = measure(
        tmp_path / "t.safetensors", 1, Record(tmp_path / "x.json", "y", {}), generated_clips(1, 8, absences=True), 32, "synthetic"
    )
    assert row["on_pairs"] is None and 0 <= row["on_clips"] <= 1 and (row["on_target"] is None or 0 <= row["on_target"] <= 1)
    assert kind_of(tmp_path / "t.safetensors") == "tracker"
