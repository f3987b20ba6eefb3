import numpy as np
import pytest

from search.accuracy import InheritedAccuracy, sequence_ao, static_ao
from supernet.checkpoints import save_supernet
from supernet.supernet import Supernet, initialise
from tracking.datasets.synthetic import synthetic_sequence
from tracking.sequence import Sequence

SEEDS = range(500, 503)


@pytest.fixture(scope="module")
def accuracy(tmp_path_factory):
    path = tmp_path_factory.mktemp("accuracy") / "supernet.safetensors"
    supernet = Supernet("nano", "sliced")
    initialise(supernet, seed=0)
    save_supernet(path, supernet)
    return InheritedAccuracy(path, SEEDS.start, count=3, frames=5, calibration_pairs=8)


def test_one_figure_a_sequence_the_same_every_time(accuracy):
    arch = accuracy.family.space.sample(np.random.default_rng(0))
    first = accuracy.sequence_ao(arch)
    again = sequence_ao(accuracy.network(arch), [synthetic_sequence(seed, 5) for seed in SEEDS], accuracy.family.tracker)
    assert first.shape == (3,)
    assert ((first >= 0) & (first <= 1)).all()
    np.testing.assert_array_equal(first, again)
    assert accuracy.sequence_ao(arch) is first  # not judged twice


def test_other_sequences_on_demand(accuracy):
    arch = accuracy.family.space.sample(np.random.default_rng(0))
    assert accuracy.sequence_ao(arch, range(600, 602)).shape == (2,)
    np.testing.assert_array_equal(accuracy.sequence_ao(arch, range(500, 502)), accuracy.sequence_ao(arch)[:2])


def test_static_box():
    """The second frame overlaps fully, the third by a third."""
    boxes = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [1, 0, 2, 2]], float)
    frames = (np.zeros((4, 4, 3), np.uint8),) * 3
    sequence = Sequence("still", frames, boxes, np.ones(3, bool))
    assert static_ao([sequence]) == pytest.approx((1 + 1 / 3) / 2)
