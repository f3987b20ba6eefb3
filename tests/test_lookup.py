import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictors.encoding import Encoded
from predictors.models.counts import MacsLine
from predictors.models.lookup import TableLine, TableSum, fit_line


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
