import numpy as np
import pytest

from search.front.pareto import hypervolume
from search.strategies.hypervolume_gain import Beliefs, best_batch

FRONT = np.array([[0.2, 0.8], [0.5, 0.5], [0.8, 0.1]])
REFERENCE = np.ones(2)


def beliefs(*mean, deviation=0.0):
    """Deviation is that of the first figure."""
    points = np.array(mean, float).reshape(-1, 2)
    return Beliefs(points, np.stack([np.full(len(points), deviation), np.zeros(len(points))], axis=1))


def batch(candidates, count=1, pending=None, front=FRONT):
    nothing = np.empty((0, front.shape[1]))
    return best_batch(front, pending or Beliefs(nothing, nothing), candidates, np.ones(front.shape[1]), count, seed=0)


def gain_of(point, front=FRONT):
    return hypervolume(np.vstack([front, point]), REFERENCE) / hypervolume(front, REFERENCE) - 1


@pytest.mark.parametrize("point", [(0.3, 0.6), (0.1, 0.1), (0.6, 0.2)])
def test_what_is_known_gains_the_volume_that_it_adds(point):
    chosen, gain = batch(beliefs(point))
    assert chosen == [0] and gain == pytest.approx(gain_of(point), rel=0.02)


def test_what_is_beaten_gains_nothing():
    assert batch(beliefs((0.6, 0.6)))[1] == 0


def test_an_unsure_one_gains_the_mean_over_what_it_may_turn_out_to_be():
    turns_out = 0.45 + 0.1 * np.random.default_rng(0).standard_normal(2000)
    expected = np.mean([gain_of((first, 0.55)) for first in turns_out])
    assert batch(beliefs((0.45, 0.55), deviation=0.1))[1] == pytest.approx(expected, rel=0.05)


def test_a_batch_is_no_crowd():
    candidates = beliefs((0.3, 0.6), (0.31, 0.6), (0.6, 0.4))
    assert gain_of((0.31, 0.6)) > gain_of((0.6, 0.4))
    assert batch(candidates, count=2)[0] == [0, 2]


def test_what_is_being_evaluated_counts_as_chosen():
    candidates = beliefs((0.31, 0.6), (0.6, 0.4))
    assert batch(candidates)[0] == [0]
    assert batch(candidates, pending=beliefs((0.3, 0.6)))[0] == [1]


def test_three_figures_and_more_than_there_are_candidates():
    known = Beliefs(np.array([[0.2, 0.2, 0.2], [0.5, 0.5, 0.5]]), np.zeros((2, 3)))
    chosen, gain = batch(known, count=5, front=np.array([[0.4, 0.4, 0.4]]))
    assert chosen == [0, 1] and gain == pytest.approx((0.8**3 - 0.6**3) / 0.6**3, rel=0.03)
