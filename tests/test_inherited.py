import numpy as np
import pytest

from search.judging.inherited import InheritedJudge, score_each, static_ao
from search.judging.judge import Job
from search.judging.validation import SEARCH_SEED, Validation
from supernet.checkpoints import save_supernet
from supernet.families import FAMILIES
from supernet.training.initialise import initialise
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import Sequence

SEQUENCES = range(SEARCH_SEED, SEARCH_SEED + 3)


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    path = tmp_path_factory.mktemp("inherited") / "supernet.safetensors"
    supernet = FAMILIES["nano"].supernet()
    initialise(supernet, seed=0)
    save_supernet(path, supernet)
    return InheritedJudge(path, Validation("synthetic", 5))


@pytest.fixture(scope="module")
def arch(judge):
    return judge.family.space.sample(np.random.default_rng(0))


def test_one_score_a_sequence_the_same_every_time(judge, arch):
    first = judge(Job(arch, SEQUENCES)).scores["ao"]
    again = score_each(judge.procedure(arch), [synthetic_sequence(seed, 5) for seed in SEQUENCES])
    assert len(first) == 3 and all(0 <= ao <= 1 for ao in first)
    assert first == tuple(one.ao for one in again)
    assert judge(Job(arch, SEQUENCES[:2])).scores["ao"] == first[:2]


def test_other_calibration_pairs_are_another_network(judge, arch):
    image = np.zeros((1, 48, 48, 3), np.uint8)
    first, other, again = (judge.procedure(arch, draw).network.run("template", {"template": image})[0] for draw in (0, 1, 0))
    assert (first == again).all() and (first != other).any()


def test_a_job_names_the_calibration_pairs(judge, arch):
    plain, other = judge(Job(arch, SEQUENCES)), judge(Job(arch, SEQUENCES, calibration=1))
    again = score_each(judge.procedure(arch, 1), [synthetic_sequence(seed, 5) for seed in SEQUENCES])
    assert other.scores["ao"] == tuple(one.ao for one in again) != plain.scores["ao"]


def test_the_judge_answers_with_both_accuracies(judge, arch):
    outcome = judge(Job(arch, SEQUENCES))
    found = score_each(judge.procedure(arch), [synthetic_sequence(seed, 5) for seed in SEQUENCES])
    assert outcome.scores == {"ao": tuple(one.ao for one in found), "auc": tuple(one.success for one in found)}
    assert outcome.seconds > 0


def test_static_box():
    """The second frame overlaps fully, the third by a third."""
    boxes = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [1, 0, 2, 2]], float)
    frames = (np.zeros((4, 4, 3), np.uint8),) * 3
    sequence = Sequence("still", frames, boxes, np.ones(3, bool))
    assert static_ao([sequence]) == pytest.approx((1 + 1 / 3) / 2)
