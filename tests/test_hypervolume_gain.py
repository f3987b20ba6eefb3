import numpy as np
import pytest
from scipy.stats import norm, qmc

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


POINTS = qmc.Sobol(2, rng=np.random.default_rng(0)).random_base2(16)
"""The 65,536 points that fill the space between (0, 0) and (1, 1)."""
OUTSIDE = np.array([[0.0, 1.0], [1.0, 0.0]])
"""A front that dominates none of them, so that a gain is a number of points."""


def test_nothing_is_gained_beside_an_equal_one_that_is_being_evaluated():
    assert batch(beliefs((0.3, 0.6)), pending=beliefs((0.3, 0.6))) == ([0], 0.0)


def test_a_candidate_gains_what_it_adds_to_what_is_being_evaluated():
    both = gain_of([(0.3, 0.6), (0.25, 0.7)]) - gain_of((0.3, 0.6))
    assert batch(beliefs((0.25, 0.7)), pending=beliefs((0.3, 0.6)))[1] == pytest.approx(both, rel=0.05)


def test_a_batch_gains_what_its_members_gain_together():
    assert batch(beliefs((0.3, 0.6), (0.25, 0.7)), count=2)[1] == pytest.approx(gain_of([(0.3, 0.6), (0.25, 0.7)]), rel=0.02)


def test_one_that_is_as_good_as_a_point_dominates_it():
    """The point with the largest sum is dominated by no other, so that a candidate just there gains this one."""
    assert batch(beliefs(POINTS[POINTS.sum(axis=1).argmax()]), front=OUTSIDE) == ([0], 1.0)


def test_the_best_of_all_gains_every_point():
    assert batch(beliefs((0, 0)), front=OUTSIDE) == ([0], 2**16)


@pytest.mark.parametrize("second", [0.5, 0.95])
def test_an_unsure_one_gains_each_point_with_its_probability(second):
    """Points that are more than three deviations better than expected count as out of reach; at most 4096 points are looked at."""
    reach = POINTS[(POINTS >= (0.5 - 3 * 0.1, second)).all(axis=1)]
    some = reach[:4096]
    expected = norm.cdf(some[:, 0], 0.5, 0.1).mean() * len(reach)
    assert batch(beliefs((0.5, second), deviation=0.1), front=OUTSIDE)[1] == pytest.approx(expected, rel=1e-9)


def test_the_space_reaches_to_the_best_that_what_is_being_evaluated_may_turn_out_to_be():
    """Three deviations of 0.1 below 0.3 is 0; the second figure of that one is too large to gain anything."""
    inside = (POINTS * (1, 0.5) + (0, 0.5) >= 0.6).all(axis=1).sum()
    front = np.array([[0.5, 1.0], [1.0, 0.5]])
    assert batch(beliefs((0.6, 0.6)), pending=beliefs((0.3, 1.0), deviation=0.1), front=front)[1] == pytest.approx(inside)
