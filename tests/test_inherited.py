import numpy as np
import pytest

from search.judging.clips import score_each
from search.judging.inherited import InheritedJudge
from search.judging.judge import Job
from search.judging.validation import SEARCH_SEED, Validation
from supernet.checkpoints import save_supernet
from supernet.families import FAMILIES
from supernet.training.initialise import initialise
from tracking.generated.synthetic import synthetic_sequence

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


def test_pairs_and_clips_are_judged_where_the_job_names_them(judge, arch):
    groups = range(SEARCH_SEED, SEARCH_SEED + 2)
    both, pairs = judge(Job(arch, SEQUENCES, pairs=groups)), judge(Job(arch, range(0), pairs=groups))
    assert {kind: len(each) for kind, each in both.scores.items()} == {"loss": 2, "fit": 2, "iou": 2, "ao": 3, "auc": 3}
    assert pairs.scores == {kind: both.scores[kind] for kind in ("loss", "fit", "iou")}
    assert judge(Job(arch, SEQUENCES)).scores == {kind: both.scores[kind] for kind in ("ao", "auc")}
