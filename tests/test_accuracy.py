import numpy as np
import pytest

from search.judging.inherited import InheritedAccuracy, inherited_judge, score_each, static_ao
from search.judging.judge import Job
from search.judging.validation import SEARCH_SEED, Validation
from supernet.checkpoints import save_supernet
from supernet.sharing.supernet import Supernet
from supernet.training.initialise import initialise
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import Sequence

PLACES = range(SEARCH_SEED, SEARCH_SEED + 3)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("accuracy") / "supernet.safetensors"
    supernet = Supernet(FAMILIES["nano"], "sliced")
    initialise(supernet, seed=0)
    save_supernet(path, supernet)
    return path


@pytest.fixture(scope="module")
def accuracy(path):
    return InheritedAccuracy(path, Validation("synthetic", 5))


@pytest.fixture(scope="module")
def arch(accuracy):
    return accuracy.family.space.sample(np.random.default_rng(0))


def test_one_score_a_sequence_the_same_every_time(accuracy, arch):
    first = accuracy.scores(arch, PLACES)
    network = accuracy.network(arch)
    again = score_each(network, [synthetic_sequence(seed, 5) for seed in PLACES], accuracy.family.tracker)
    assert len(first) == 3 and all(0 <= one.ao <= 1 for one in first)
    assert first == again
    assert accuracy.scores(arch, PLACES[:2]) == first[:2]


def test_other_calibration_pairs_are_another_network(accuracy, arch):
    image = np.zeros((1, 48, 48, 3), np.uint8)
    first, other, again = (accuracy.network(arch, draw).template(image) for draw in (0, 1, 0))
    assert (first == again).all() and (first != other).any()


def test_the_judge_answers_with_both_accuracies(path, accuracy, arch):
    outcome = inherited_judge(path, Validation("synthetic", 5))(Job(arch, PLACES))
    scores = accuracy.scores(arch, PLACES)
    assert outcome.scores == {"ao": tuple(one.ao for one in scores), "auc": tuple(one.success for one in scores)}
    assert outcome.seconds > 0


def test_static_box():
    """The second frame overlaps fully, the third by a third."""
    boxes = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [1, 0, 2, 2]], float)
    frames = (np.zeros((4, 4, 3), np.uint8),) * 3
    sequence = Sequence("still", frames, boxes, np.ones(3, bool))
    assert static_ao([sequence]) == pytest.approx((1 + 1 / 3) / 2)
