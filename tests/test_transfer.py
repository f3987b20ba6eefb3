"""The Gaussian process of a new chip, on chips whose latencies are known exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictors.transfer.belief import NOISE, Belief, choose, condition, expected_error, leave_one_out

NETWORKS, CHIPS, PARTS = 60, 40, 4


def additive(rng, chips=CHIPS):
    """(N, M) relative latencies of chips on which a network takes the sum of its parts."""
    parts = np.random.default_rng(7).uniform(0.2, 2, (NETWORKS, PARTS))
    ms = parts @ rng.lognormal(0, 0.6, (PARTS, chips))
    return ms / ms.mean(axis=0)


def gaps(predicted, ms):
    return np.abs(predicted / ms - 1)


@pytest.fixture
def beliefs(rng):
    return [Belief.of(np.empty((NETWORKS, 0)), additive(rng))]


def rows(beliefs, which):
    return [belief[which] for belief in beliefs]


@pytest.mark.parametrize("speed", [1e-3, 1.0, 500.0])
def test_a_chip_of_the_kind_believed_is_found_from_as_many_networks_as_it_has_parts(rng, beliefs, speed):
    ms = speed * additive(rng, 1)[:, 0]
    chosen = choose(beliefs, PARTS + 1, rng)
    predicted, deviation = condition(rows(beliefs, chosen), ms[chosen]).predict(beliefs)
    assert gaps(predicted, ms).max() < 0.02
    assert (deviation >= NOISE[0]).all()


def test_what_is_measured_is_believed(rng, beliefs):
    ms = additive(rng, 1)[:, 0]
    some = np.arange(12)
    predicted, _ = condition(rows(beliefs, some), ms[some]).predict(rows(beliefs, some))
    assert gaps(predicted, ms[some]).max() < 0.01


def test_a_known_chip_like_the_new_one_teaches_what_imagined_ones_do_not(rng):
    imagined, known = additive(rng), additive(rng, 1) ** 1.5
    ms, some = 3 * known[:, 0], np.arange(4)
    errors = []
    for column in (known, np.empty((NETWORKS, 0))):
        beliefs = [Belief.of(column, imagined)]
        predicted, _ = condition(rows(beliefs, some), ms[some]).predict(beliefs)
        errors.append(gaps(predicted, ms).mean())
    assert errors[0] < 0.5 * errors[1]


def test_the_hypothesis_that_explains_the_measurements_speaks(rng):
    false, true = additive(rng), additive(rng)[::-1]
    ms = additive(rng, 1)[::-1, 0]
    beliefs = [Belief.of(np.empty((NETWORKS, 0)), latencies) for latencies in (false, true)]
    some = choose(beliefs, 10, rng)
    posterior = condition(rows(beliefs, some), ms[some])
    weights = np.bincount([hypothesis for hypothesis, _ in posterior.parts], posterior.weights)
    assert weights[1] > 0.99
    assert gaps(posterior.predict(beliefs)[0], ms).mean() < 0.01


def test_noise_is_found_out_and_widens_the_answer(rng, beliefs):
    ms, some = additive(rng, 1)[:, 0], np.arange(0, NETWORKS, 2)
    deviations = []
    for noise in (NOISE[0], NOISE[-1]):
        measured = ms * np.exp(np.random.default_rng(0).normal(0, noise, NETWORKS))
        deviations.append(condition(rows(beliefs, some), measured[some]).predict(beliefs)[1].mean())
    assert deviations[1] > 5 * deviations[0]


def test_what_no_chip_explains_is_learned_from_networks_of_like_structure(rng):
    structure = np.sign(rng.normal(size=(NETWORKS, 1)))
    ms = additive(rng, 1)[:, 0] * np.exp(0.03 * structure[:, 0])
    some, others = np.arange(40), np.arange(40, NETWORKS)
    errors = []
    for features in (structure, None):
        beliefs = [Belief.of(np.empty((NETWORKS, 0)), additive(np.random.default_rng(3)), features)]
        predicted, _ = condition(rows(beliefs, some), ms[some]).predict(rows(beliefs, others))
        errors.append(gaps(predicted, ms[others]).mean())
    assert errors[0] < 0.4 * errors[1]


def test_variances_are_the_diagonal_of_the_covariance(rng):
    belief = Belief.of(additive(rng, 3), additive(rng), rng.normal(size=(NETWORKS, 5)))
    assert np.diag(belief.covariance(belief)) == pytest.approx(belief.variance)


def test_operators_of_a_posterior_add_up_to_its_networks(rng):
    counts, costs = rng.integers(0, 4, (NETWORKS, PARTS)).astype(float) + 1, rng.lognormal(0, 0.5, (PARTS, CHIPS))
    costs /= (counts @ costs).mean(axis=0)
    networks, operators = Belief.of(counts[:, :0], counts @ costs), Belief.of(np.empty((PARTS, 0)), costs, calls=0)
    call = Belief.of(np.empty((1, 0)), np.zeros((1, CHIPS)))
    ms = counts @ rng.lognormal(0, 0.5, PARTS) + 0.3
    posterior = condition([networks[np.arange(8)]], ms[:8])
    assert posterior.mean([call]) + counts @ posterior.mean([operators]) == pytest.approx(posterior.mean([networks]))


def test_chosen_networks_tell_more_than_random_ones(rng, beliefs):
    chosen = choose(beliefs, 6, np.random.default_rng(0))
    ms = additive(rng, 30)

    def error(some):
        return np.mean([gaps(condition(rows(beliefs, some), chip[some]).predict(beliefs)[0], chip) for chip in ms.T])

    at_random = [error(np.random.default_rng(i).choice(NETWORKS, 6, replace=False)) for i in range(5)]
    assert error(chosen) < min(at_random)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, NETWORKS), st.integers(0, 5))
def test_chosen_networks_differ_and_more_go_on_from_fewer(count, seed):
    beliefs = [Belief.of(np.empty((NETWORKS, 0)), additive(np.random.default_rng(0)))]
    chosen = choose(beliefs, count, np.random.default_rng(seed))
    assert len(set(chosen)) == count
    assert choose(beliefs, count - 1, np.random.default_rng(seed)).tolist() == chosen[:-1].tolist()


def test_leaving_a_network_out_is_predicting_it_from_the_others(rng, beliefs):
    ms, some = additive(rng, 1)[:6, 0], np.arange(6)
    predicted, deviation = leave_one_out(rows(beliefs, some), ms)
    by_hand = condition(rows(beliefs, some[1:]), ms[1:]).predict(rows(beliefs, some[:1]))
    assert (predicted[0], deviation[0]) == pytest.approx((by_hand[0][0], by_hand[1][0]))


def test_the_expected_error_is_that_of_normal_errors(rng):
    deviation = rng.uniform(0.01, 0.1, 20_000)
    assert expected_error(deviation) == pytest.approx(100 * np.abs(rng.normal(0, deviation)).mean(), rel=0.02)


def test_intervals_of_a_believed_chip_cover_what_they_state(rng, beliefs):
    inside = []
    for chip in additive(np.random.default_rng(5), 40).T:
        measured = chip * np.exp(rng.normal(0, 0.02, NETWORKS))
        some, others = np.arange(10), np.arange(10, NETWORKS)
        predicted, deviation = condition(rows(beliefs, some), measured[some]).predict(rows(beliefs, others))
        inside.append(np.mean(np.abs(np.log(predicted / measured[others])) < 1.645 * deviation))
    assert 0.85 < np.mean(inside) < 0.97
