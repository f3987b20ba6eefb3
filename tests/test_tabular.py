import numpy as np
import pytest

from search.judging.judge import Job, Outcome
from search.judging.tabular import TabularJudge
from supernet.families import FAMILIES

RNG = np.random.default_rng(0)
ONE, OTHER, UNKNOWN = (FAMILIES["nano"].space.sample(RNG) for _ in range(3))
SCORES = {ONE.key: {"ao": (0.1, 0.2, 0.3), "auc": (0.5,)}, OTHER.key: {"ao": (0.4, 0.5, 0.6), "auc": (0.7,)}}


@pytest.mark.parametrize(
    "arch, sequences, scores",
    [
        (ONE, range(3), {"ao": (0.1, 0.2, 0.3), "auc": (0.5, 0.5, 0.5)}),
        (OTHER, range(1), {"ao": (0.4,), "auc": (0.7,)}),
        (OTHER, range(1, 3), {"ao": (0.5, 0.6), "auc": (0.7, 0.7)}),  # further sequences have scores of their own
    ],
)
def test_scores_are_looked_up_sequence_by_sequence(arch, sequences, scores):
    assert TabularJudge(SCORES)(Job(arch, sequences)) == Outcome(scores, 1.0)


@pytest.mark.parametrize("seconds, expected", [(2.5, 2.5), (3, 3), ({ONE.key: 7.0}, 7.0)])
def test_time_is_looked_up_too(seconds, expected):
    assert TabularJudge(SCORES, seconds)(Job(ONE, range(2))).seconds == expected


@pytest.mark.parametrize(
    "arch, sequences, error, message",
    [(UNKNOWN, range(1), KeyError, f"{UNKNOWN.name} is not in the table"), (ONE, range(2, 4), IndexError, "knows sequences 0 to 2, not 3")],
)
def test_what_the_table_lacks_is_told(arch, sequences, error, message):
    with pytest.raises(error) as lacking:
        TabularJudge(SCORES)(Job(arch, sequences))
    assert message in str(lacking.value)
