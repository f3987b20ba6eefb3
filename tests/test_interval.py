import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictors.interval import Interval


def conformal(ratios):
    """The interval of measurements that are so many times what was predicted."""
    return Interval.conformal(np.abs(np.log(ratios)))


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("n, coverage", [(3, 0.75), (9, 0.9), (100, 0.9)])
def test_few_measurements_promise_less(n, coverage, relative):
    assert Interval.conformal(np.arange(n, dtype=float), relative).coverage == coverage


@pytest.mark.parametrize(
    "n, reach",
    [
        (9, 9),  # rank 0.9 * 10 = 9
        (19, 18),  # rank 0.9 * 20 = 18
        (10, 9.9),  # rank 0.9 * 11 = 9.9
        (14, 13.5),  # rank 0.9 * 15 = 13.5: half way from the 13th to the 14th
        (3, 3),  # rank 0.9 * 4 = 3.6: there are only three
    ],
)
def test_ranks_between_two_misses_are_interpolated(n, reach):
    misses = np.random.default_rng(0).permutation(np.arange(1.0, n + 1))
    for relative in (True, False):
        interval = Interval.conformal(misses, relative)
        assert interval.reach == pytest.approx(reach) and interval.relative == relative


@given(st.lists(st.floats(0.5, 2), min_size=3, max_size=40, unique_by=lambda ratio: round(abs(np.log(ratio)), 6)))
def test_an_interval_holds_nine_tenths_of_the_errors_that_made_it(ratios):
    n, ms = len(ratios), np.array(ratios)
    interval = conformal(ms)
    low, high = interval.around(np.ones(n))
    inside = np.sum((low * (1 - 1e-9) <= ms) & (ms <= high * (1 + 1e-9)))
    assert inside == min(n, int(0.9 * (n + 1) + 1e-9))
    assert low * high == pytest.approx(1) and interval.factors["low"] * interval.factors["high"] == pytest.approx(1)


@pytest.mark.parametrize("n", [10, 15, 20, 30, 60, 200])
def test_intervals_cover_what_they_state(n):
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(400):
        low, high = conformal(np.exp(rng.normal(0, 0.05, n))).around(np.ones(200))
        fresh = np.exp(rng.normal(0, 0.05, 200))
        inside.append(np.mean((low <= fresh) & (fresh <= high)))
    assert 0.88 < np.mean(inside) < 0.92


@pytest.mark.parametrize(
    "interval, doubt, low, high",
    [
        (Interval(np.log(2), 0.9), 1, [5, 10], [20, 40]),  # factors of 10 and 20
        (Interval(np.log(2), 0.9), [1, 2], [5, 5], [20, 80]),
        (Interval(3, 0.9, relative=False), 1, [7, 17], [13, 23]),  # distances
        (Interval(3, 0.9, relative=False), [1, 2], [7, 14], [13, 26]),
        (Interval(0, 0.9), 1, [10, 20], [10, 20]),
    ],
)
def test_ends(interval, doubt, low, high):
    ends = interval.around(np.array([10.0, 20.0]), np.array(doubt))
    assert ends[0] == pytest.approx(low) and ends[1] == pytest.approx(high)


@given(st.floats(0, 0.9), st.floats(0, 1))
def test_factors_survive_a_file(reach, coverage):
    """Read and written again they are the same to the last digit, so that a file does not change."""
    factors = Interval(reach, coverage).factors
    read = Interval.of_factors(**factors)
    assert read.factors == factors and read.reach == pytest.approx(reach, abs=1e-15) and read.relative


@pytest.mark.parametrize(
    "factors", [(0.5, 1.5, 0.9), (2, 1, 0.9), (0, 1, 0.9), (-1, -1, 0.9), (-0.9999999, -0.9999999, 0.9), (float("nan"), 1, 0.9)]
)
def test_factors_that_are_not_equally_far_from_one_are_refused(factors):
    with pytest.raises(ValueError, match="factors 0 < low <= high equally far from 1, got"):
        Interval.of_factors(*factors)


@pytest.mark.parametrize("reach, coverage", [(-0.1, 0.9), (float("inf"), 0.9), (float("nan"), 0.9), (1, -0.1), (1, 1.1), (1, float("nan"))])
def test_impossible_intervals_are_refused(reach, coverage):
    with pytest.raises(ValueError, match="a reach >= 0 and a coverage within 0..1, got"):
        Interval(reach, coverage)


@pytest.mark.parametrize("coverage", [0, 1])
def test_the_ends_of_what_is_allowed(coverage):
    assert Interval(0, coverage).factors == {"low": 1, "high": 1, "coverage": coverage}
