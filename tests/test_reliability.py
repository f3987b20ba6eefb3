import numpy as np
import pytest

from search.judging.reliability import Reliability, reliability


def made_up(noise: float, candidates: int = 200, groups: int = 64) -> np.ndarray:
    """Candidates that differ by a standard deviation of 1; noise is that of the mean of half of the groups."""
    rng = np.random.default_rng(1)
    return rng.normal(0, 1, (candidates, 1)) + rng.normal(0, noise * (groups / 2) ** 0.5, (candidates, groups))


def test_without_noise_halves_agree():
    found = reliability(made_up(0))
    assert found is not None and (found.halves, found.candidates, found.groups, found.enough) == (pytest.approx(1), 200, 64, True)


@pytest.mark.parametrize("noise", [0.3, 1.0, 2.0])
def test_noise_lowers_it_as_expected(noise):
    """The Pearson correlation is 1 / (1 + noise^2); Spearman's is 6 / pi * asin(half of it) for Gaussians."""
    expected = 6 / np.pi * np.arcsin(1 / (1 + noise**2) / 2)
    found = reliability(made_up(noise))
    assert found is not None and found.halves == pytest.approx(expected, abs=0.1)


def test_difficulty_of_groups_says_nothing():
    found = reliability(np.random.default_rng(0).normal(0, 9, (1, 64)) + np.random.default_rng(1).normal(0, 1, (50, 64)))
    assert found is not None and abs(found.halves) < 0.3 and not found.enough


def test_whole_is_spearman_brown():
    assert Reliability(0.8, 9, 4).whole == pytest.approx(1.6 / 1.8)
    assert Reliability(-0.2, 9, 4).whole == 0


def test_the_sentence_says_what_to_do_only_below_the_bound():
    assert "--pairs" in Reliability(0.79, 9, 4).told("ao") and "--pairs" not in Reliability(0.8, 9, 4).told("ao")
    assert Reliability(0.8, 9, 4).told("ao") == "reliability of ao: two halves of its 4 scores rank 9 candidates alike by 0.80"


@pytest.mark.parametrize("scores", [[], [[1.0, 2.0]] * 7, [[1.0]] * 9, [[1.0, 2.0]] * 9])  # none, few, one group, equal candidates
def test_too_little_to_say(scores):
    assert reliability(scores) is None
