"""Figures over sequences and their intervals."""

import numpy as np
import pytest

from tracking.benchmarks.measures.figures import Figure, mean_of, sum_of


def test_a_figure_is_a_quotient_of_sums():
    """Sequences with 1 of 2 and 9 of 10: 10 of 12, not the mean of the two shares."""
    assert Figure(np.array([[1.0], [9.0]]), np.array([[2.0], [10.0]])).value() == pytest.approx(10 / 12)


def test_a_mean_over_places_leaves_out_those_without_anything():
    figure = Figure(np.array([[1.0, 2, 0], [1, 0, 0]]), np.array([[2.0, 4, 0], [2, 0, 0]]))
    assert figure.curve()[:2].tolist() == [0.5, 0.5] and np.isnan(figure.curve()[2])
    assert figure.value() == 0.5
    assert np.isnan(Figure(np.zeros((1, 1)), np.zeros((1, 1))).value())
    assert np.isnan(Figure(np.zeros((2, 0)), np.zeros((2, 0))).value())


def test_means_and_sums():
    assert mean_of(np.array([1.0, 3, np.nan])).value() == 2
    assert sum_of(np.array([1.0, 2, 4])).value() == 7


def test_counts_say_how_often_a_sequence_counts():
    figure = mean_of(np.array([0.0, 1.0]))
    assert figure.curve(np.array([[2.0, 0], [1, 3]]))[:, 0].tolist() == [0, 0.75]
    assert sum_of(np.array([1.0, 2])).curve(np.array([[0.0, 2]])).tolist() == [[4]]


def test_an_interval_is_that_of_the_mean_of_values_drawn_anew():
    """For 400 values the standard error is sd / 20, and the interval reaches 1.96 of them to each side."""
    values = np.random.default_rng(0).normal(0.5, 0.2, 400)
    low, high = mean_of(values).interval()
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.003)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)


def test_an_interval_depends_on_its_seed_alone():
    figure = mean_of(np.random.default_rng(0).normal(size=50))
    assert figure.interval(3) == figure.interval(3) != figure.interval(4)


def test_intervals_at_the_edge():
    assert mean_of(np.array([0.4])).interval() == (0.4, 0.4)
    assert np.isnan(mean_of(np.array([np.nan])).interval()).all()
    low, high = mean_of(np.array([0.2, np.nan])).interval()  # drawings without the first sequence have no figure
    assert low == high == 0.2
