import numpy as np
import pytest

from search.metrics import Metric
from search.page.importance import LEAST, importance

SOME = Metric("some")
RNG = np.random.default_rng(0)
CHOICES = RNG.integers(0, 3, (600, 5))


def test_shares_are_those_of_the_variance():
    values = 3.0 * CHOICES[:, 1] + 1.0 * CHOICES[:, 3]  # variances 9 to 1
    found = importance(SOME, CHOICES, values)
    assert found is not None and found.metric == SOME
    assert found.shares == pytest.approx([0, 0.9, 0, 0.1, 0], abs=0.06)
    assert found.explained > 0.98


def test_noise_is_not_explained():
    found = importance(SOME, CHOICES, RNG.normal(size=600))
    assert found is not None and found.explained < 0.1


def test_units_do_not_matter():
    values = CHOICES[:, 1] + 0.3 * CHOICES[:, 3]
    small, large = importance(SOME, CHOICES, values), importance(SOME, CHOICES, 5e8 * values)
    assert small is not None and large is not None
    assert small.shares == pytest.approx(large.shares, abs=1e-3)


def test_a_choice_that_never_varies_has_no_share():
    choices = CHOICES.copy()
    choices[:, 0] = 2
    found = importance(SOME, choices, choices[:, 1] + 0.0)
    assert found is not None and found.shares[0] == 0


@pytest.mark.parametrize("values", [np.ones(600), np.where(np.arange(600) < LEAST - 1, np.arange(600.0), np.inf)])
def test_nothing_is_said_of_too_little(values):
    assert importance(SOME, CHOICES, values) is None


def test_the_same_candidates_give_the_same_answer():
    values = CHOICES[:, 1] + RNG.normal(size=600)
    first, second = importance(SOME, CHOICES, values), importance(SOME, CHOICES, values)
    assert first is not None and second is not None and (first.shares == second.shares).all()
