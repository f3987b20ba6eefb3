import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictors.encoding import Encoded
from predictors.models.counts import MacsLine
from predictors.models.lookup import Line, TableLine, TableSum, fit_line


def encoded(table_ms, macs):
    return Encoded(np.array(table_ms, float), np.array(macs, float), np.zeros((len(table_ms), 1)), ())


SOME = encoded([1, 2, 4], [1e8, 3e8, 2e8])


@given(st.floats(-0.5, 5), st.floats(0.1, 10))
def test_a_line_is_found(offset, slope):
    x = np.array([1.0, 2.0, 3.0, 5.0])
    line = fit_line(x, offset * slope + slope * x)
    assert line(x) == pytest.approx(offset * slope + slope * x, rel=1e-4)


def test_one_outlier_hardly_moves_it():
    x = np.arange(1.0, 21.0)
    ms = 1 + 2 * x
    ms[7] *= 3
    assert fit_line(x, ms)(x)[9:] == pytest.approx(1 + 2 * x[9:], rel=0.02)


def test_equal_points_give_a_line_through_the_origin():
    assert fit_line(np.array([2.0, 2.0]), np.array([6.0, 6.0]))(np.array([1.0])) == pytest.approx([3.0])


def test_each_model_looks_at_its_own_column():
    ms = np.array([3.0, 5.0, 9.0])
    assert list(TableSum.fit(SOME, ms).predict(SOME)) == [1, 2, 4]
    assert TableLine.fit(SOME, ms).predict(SOME) == pytest.approx(ms, rel=1e-3)
    assert MacsLine.fit(SOME, 1 + SOME.macs / 1e8).predict(SOME) == pytest.approx([2, 4, 3], rel=1e-3)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_line_is_the_best_one_for_soft_relative_errors(scale):
    """At the optimum the gradient of the sum of sqrt(1 + (error / 0.03)^2) vanishes; outliers of 30 and 50 % pull with little force."""
    x = np.arange(1.0, 9.0)
    ms = scale * (1 + 2 * x) * np.array([1, 1.01, 0.98, 1.3, 1, 1.02, 0.5, 0.99])
    line = fit_line(x, ms)
    error = line(x) / ms - 1
    force = error / np.sqrt(1 + (error / 0.03) ** 2) / ms
    assert abs(force.sum()) < 1e-3 * np.abs(force).sum() and abs(force @ x) < 1e-3 * (np.abs(force) @ x)


def test_the_slope_is_never_negative():
    line = fit_line(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0]))
    assert 0 <= line.slope < 1e-6 and 1 < line.offset < 2


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_nearly_equal_points_give_a_line_through_the_origin_too(scale):
    line = fit_line(scale * np.array([2.0, 2.0, 2.0 + 1e-12]), np.array([6.0, 8.0, 20.0]))
    assert (line.offset, line.slope) == (0.0, pytest.approx(4.0 / scale))


def test_a_single_point():
    assert fit_line(np.array([2.0]), np.array([6.0])) == Line(0.0, 3.0)


def test_a_line_that_is_not_given_changes_nothing():
    assert Line()(np.array([1.5, -2.0])).tolist() == [1.5, -2.0] and Line(1.0, 2.0)(np.array([3.0])).tolist() == [7.0]


@pytest.mark.parametrize("model", [TableSum(), TableLine(Line(0.5, 1.5))])
def test_models_survive_a_file(model):
    assert type(model).from_json(model.to_json()) == model
