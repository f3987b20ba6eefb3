import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictors.report import Comparison, LearningPoint, predictor_report, share_inside

ROW = {"name": "n", "predicted_ms": 4, "measured_ms": 5, "low_ms": 3, "high_ms": 4.5}
POINT = {"networks": 5, "mape": 2.5, "expected_mape": 3.0}


def test_everything_that_is_known_of_a_predictor():
    profile = {"chip": "C", "runtime": "mnn", "precision": "int8", "threads": 4}
    fit = {"held_out": [ROW], "learning": [POINT, {"networks": 3, "mape": 9}]}
    found = predictor_report({"path": "a/phone.json", "profile": profile, "fit": fit, "interval": {"coverage": 0.9}})
    assert (found.name, found.device, found.coverage, found.left_out) == ("phone", "C, mnn, int8, 4 threads", 0.9, 0)
    assert found.held_out == [Comparison("n", 4, 5, (3, 4.5))]
    assert found.learning == [LearningPoint(3, 9), LearningPoint(5, 2.5, 3.0)]


def test_nothing_is_known():
    found = predictor_report({})
    assert (found.name, found.device, found.coverage, found.left_out) == ("predictor", "an unnamed device", None, 0)
    assert found.held_out == found.learning == []


@pytest.mark.parametrize(
    "measured, interval, error, outside",
    [
        (5, None, -20, False),
        (5, (3, 4.5), -20, True),
        (5, (3, 5), -20, False),  # the ends belong to it
        (3.2, (3.5, 5), 25, True),
    ],
)
def test_error_and_interval_of_a_comparison(measured, interval, error, outside):
    comparison = Comparison("n", 4, measured, interval)
    assert comparison.error == pytest.approx(error)
    assert comparison.outside == outside


def test_share_inside_counts_only_known_intervals():
    inside, outside, unknown = Comparison("", 4, 4, (3, 5)), Comparison("", 4, 6, (3, 5)), Comparison("", 4, 9)
    assert share_inside([inside, outside, unknown, inside, inside]) == 0.75
    assert share_inside([unknown]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"name": None, "predicted_ms": None},
        {"predicted_ms": 0},
        {"measured_ms": -1},
        {"measured_ms": math.nan},
        {"predicted_ms": 10**400},
        {"predicted_ms": "fast"},
        {"low_ms": None},
        {"low_ms": 5},  # above high_ms
        {"high_ms": math.inf},
        {"low_ms": []},
    ],
)
def test_a_network_that_cannot_be_read_is_left_out(change):
    found = predictor_report({"fit": {"held_out": [ROW, ROW | change]}})
    assert (len(found.held_out), found.left_out) == (1, 1)


@pytest.mark.parametrize("change", [{"networks": 0}, {"networks": None}, {"mape": -1}, {"mape": math.nan}, {"expected_mape": math.nan}])
def test_a_point_that_cannot_be_read_is_left_out(change):
    found = predictor_report({"fit": {"learning": [POINT, POINT | change]}})
    assert (len(found.learning), found.left_out) == (1, 1)


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ROW, *POINT, "coverage", "threads"]), inner, max_size=5),
    max_leaves=20,
)


@given(st.fixed_dictionaries({}, optional={name: _ANYTHING for name in ("path", "profile", "fit", "interval")}), _ANYTHING, _ANYTHING)
def test_anything_can_be_read(record, held_out, learning):
    """Whatever a file holds, what comes out can be drawn and nothing is lost without being counted."""
    found = predictor_report(record | {"fit": {"held_out": held_out, "learning": learning}})
    given_rows = sum(len(rows) if isinstance(rows, list) else rows is not None for rows in (held_out, learning))
    assert len(found.held_out) + len(found.learning) + found.left_out == given_rows
    assert all(math.isfinite(c.error) and c.measured_ms > 0 for c in found.held_out)
    assert all(point.networks >= 1 for point in found.learning)
    predictor_report(record)
