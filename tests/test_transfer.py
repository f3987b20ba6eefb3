"""The Gaussian process of a new chip, on chips whose latencies are known exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

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


def test_the_prior_of_a_few_chips_by_hand():
    """Two networks on two imagined chips and one measured one."""
    imagined, known = np.array([[1.0, 3.0], [0.5, 0.5]]), np.array([[4.0], [0.9]])
    belief = Belief.of(known, imagined, calls=0.5)
    assert belief.mean.tolist() == [3, 0.7]  # midway between (2, 0.5) and (4, 0.9)
    overall, call, difference = [0.9, 0.21], [0.05, 0.05], [1.0, 0.2]  # 0.3 of the mean, 0.1 of the calls, known minus mean
    a, b = 1.2 / np.sqrt(2) * np.array([[-1.0, 1.0], [0.0, 0.0]]).T  # two chips: each deviation over the root of two
    expected = sum(np.outer(column, column) for column in (overall, call, difference, a, b))
    assert belief.covariance(belief) == pytest.approx(expected)


def test_several_measured_chips_vary_about_their_mean():
    belief = Belief.of(np.array([[1.0, 3.0]]), np.array([[2.0, 2.0]]))
    # mean 2: overall 0.6, calls 0.1, no difference of the means, 0.3 of the measured chips' deviations of 1
    assert belief.mean.tolist() == [2] and belief.variance == pytest.approx([0.6**2 + 0.1**2 + 0.3**2])


def test_without_measured_chips_the_imagined_ones_are_typical():
    belief = Belief.of(np.empty((1, 0)), np.array([[1.0, 3.0]]))
    assert belief.mean.tolist() == [2] and belief.variance == pytest.approx([0.6**2 + 0.1**2 + 1.2**2])


def test_structure_correlates_what_no_chip_explains():
    """Residuals: 0.015^2 x product + 0.035^2 exp(-distance / (2 x 1.5^2)), both as means over the features, times both means."""
    structure = np.array([[1.0, 2.0], [-1.0, 0.0]])
    plain, with_structure = (Belief(np.array([2.0, 3.0]), np.zeros((2, 1)), features) for features in (structure[:, :0], structure))
    product, distance = (1 * -1 + 2 * 0) / 2, ((1 + 1) ** 2 + 2**2) / 2
    residual = 2 * 3 * (0.015**2 * product + 0.035**2 * np.exp(-distance / (2 * 1.5**2)))
    alone = [2**2 * (0.015**2 * 5 / 2 + 0.035**2), 3**2 * (0.015**2 * 1 / 2 + 0.035**2)]
    assert plain.covariance(plain).tolist() == [[0, 0], [0, 0]]
    assert with_structure.covariance(with_structure) == pytest.approx(np.array([[alone[0], residual], [residual, alone[1]]]))
    assert with_structure.variance == pytest.approx(alone)


def predicted_by_hand(beliefs, measured, ms, asked):
    """(mean, lifted mean, deviation) of each asked network, by inverse matrices and SciPy's density."""
    evidence, means, lifted, deviations = [], [], [], []
    for belief in beliefs:
        scale = np.exp(np.mean(np.log(ms / belief.mean[measured])))
        relative, covariance = ms / scale, belief.covariance(belief)
        for noise in (0.005, 0.01, 0.025, 0.06):
            K = covariance[np.ix_(measured, measured)] + np.diag((noise * relative) ** 2)
            across, prior = covariance[np.ix_(asked, measured)], belief.mean[asked]
            evidence.append(multivariate_normal(belief.mean[measured], K).logpdf(relative))
            means.append(scale * (prior + across @ np.linalg.inv(K) @ (relative - belief.mean[measured])))
            lifted.append(np.maximum(means[-1], 0.1 * scale * prior))
            variance = np.diag(covariance[np.ix_(asked, asked)] - across @ np.linalg.inv(K) @ across.T)
            deviations.append(np.sqrt(variance / prior**2 + noise**2))
    weights = np.exp(np.array(evidence) - max(evidence))
    weights /= weights.sum()
    mean = weights @ np.array(lifted)
    spread = weights @ (np.array(deviations) ** 2 + (np.array(lifted) / mean - 1) ** 2)
    return weights @ np.array(means), mean, np.sqrt(spread)


def test_a_posterior_is_that_of_a_normal_distribution(rng):
    """Two hypotheses with structure features; some networks would come out below zero."""
    structure = rng.normal(size=(NETWORKS, 3))
    beliefs = [Belief.of(additive(rng, 2), additive(rng) * tilt, structure) for tilt in (1.0, np.linspace(0.3, 1.7, NETWORKS)[:, None])]
    beliefs = [Belief(np.where(np.arange(NETWORKS) > 50, 0.2, b.mean), b.spread, b.structure) for b in beliefs]
    measured, asked = np.arange(0, 40, 5), np.arange(38, NETWORKS)
    ms = 7 * additive(rng, 1)[measured, 0] * np.linspace(0.9, 1.3, len(measured))
    posterior = condition([belief[measured] for belief in beliefs], ms)
    plain, mean, deviation = predicted_by_hand(beliefs, measured, ms, asked)
    answer = posterior.predict([belief[asked] for belief in beliefs])
    assert plain.min() < mean.min() and 0.001 < posterior.weights.max() < 0.999
    np.testing.assert_allclose(posterior.mean([belief[asked] for belief in beliefs]), plain, rtol=1e-6)
    np.testing.assert_allclose(answer, [mean, deviation], rtol=1e-6)


def test_each_choice_lowers_the_sum_of_variances_most(rng):
    """Tried out one by one with inverse matrices; the 6th and the 16th are random."""
    beliefs = [Belief.of(np.empty((NETWORKS, 0)), additive(np.random.default_rng(seed), 9) ** power) for seed, power in ((1, 1), (2, 3))]
    chosen = choose(beliefs, 17, np.random.default_rng(0), noise=0.1).tolist()

    def left(some):
        """Sum of relative variances after some networks are measured, with a noise of 0.1, over both hypotheses."""
        total = 0.0
        for belief in beliefs:
            relative = belief.covariance(belief) / np.outer(belief.mean, belief.mean)
            across = relative[:, some]
            total += np.trace(relative - across @ np.linalg.inv(relative[np.ix_(some, some)] + 0.01 * np.eye(len(some))) @ across.T)
        return total

    best = [min((n for n in range(NETWORKS) if n not in chosen[:i]), key=lambda n: left([*chosen[:i], n])) for i in range(17)]  # noqa: B023
    assert [i for i in range(17) if chosen[i] != best[i]] == [5, 15]


def test_what_nothing_says_is_measured_with_a_noise_of_two_and_a_half_percent(rng, beliefs):
    assert choose(beliefs, 5, rng).tolist() == choose(beliefs, 5, rng, noise=0.025).tolist()


def test_expected_error_of_equal_deviations():
    assert expected_error(np.array([0.1, 0.1])) == pytest.approx(7.9788456)  # 10 % times the root of 2 / pi


def test_chosen_networks_differ_even_if_nothing_is_left_to_learn():
    certain = Belief(np.ones(6), np.zeros((6, 1)), np.empty((6, 0)))
    assert sorted(choose([certain], 6, np.random.default_rng(0)).tolist()) == list(range(6))
