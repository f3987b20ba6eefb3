import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictors.scores import Scores, score, simplest


@pytest.mark.parametrize(
    "predicted, bias, mape, within_5, within_10, spearman, kendall",
    [
        ([100, 200, 300], 0, 0, 100, 100, 1, 1),  # exact
        ([105, 210, 315], 5, 5, 100, 100, 1, 1),  # all 5 % too high
        ([90, 220, 300], 0, 20 / 3, 100 / 3, 100, 1, 1),  # 10 % low, 10 % high, exact
        ([300, 200, 100], (200 + 0 - 200 / 3) / 3, (200 + 200 / 3) / 3, 100 / 3, 100 / 3, -1, -1),  # upside down
        ([200, 100, 300], (100 - 50) / 3, 50, 100 / 3, 100 / 3, 0.5, 1 / 3),  # one pair swapped
        ([200, 200, 200], (100 + 0 - 100 / 3) / 3, (100 + 100 / 3) / 3, 100 / 3, 100 / 3, 0, 0),  # no order at all
    ],
)
def test_counted_on_fingers(predicted, bias, mape, within_5, within_10, spearman, kendall):
    scores = score(np.array(predicted, float), np.array([100.0, 200.0, 300.0]))
    assert list(vars(scores).values()) == pytest.approx([bias, mape, within_5, within_10, spearman, kendall])


@pytest.mark.parametrize("shapes", [((3,), (2,)), ((1,), (1,)), ((2, 2), (2, 2))])
def test_wrong_shapes_are_refused(shapes):
    with pytest.raises(ValueError, match="scores need"):
        score(np.ones(shapes[0]), np.ones(shapes[1]))


@given(st.lists(st.tuples(st.floats(0.01, 1e4), st.floats(0.01, 1e4)), min_size=2, max_size=20))
def test_bounds(pairs):
    scores = score(*np.array(pairs).T)
    assert abs(scores.bias) <= scores.mape * (1 + 1e-9)
    assert 0 <= scores.within_5 <= scores.within_10 <= 100
    assert -1 <= scores.kendall <= 1


@pytest.mark.parametrize(
    "errors, chosen",
    [
        ({"line": 2.0, "trees": 1.91}, "line"),  # 4.5 % less
        ({"line": 2.0, "trees": 1.9}, "line"),  # exactly 5 % less
        ({"line": 2.0, "trees": 1.89}, "trees"),  # 5.5 % less
        ({"line": 2.0, "trees": 1.8, "blend": 1.75}, "trees"),  # the third is compared with the second
        ({"line": 2.0}, "line"),
    ],
)
def test_a_complex_model_must_be_better_by_more_than_five_percent(errors, chosen):
    assert simplest(errors) == chosen


@pytest.mark.parametrize("off, within_5, within_10", [(4.9, 100, 100), (5.1, 0, 100), (9.9, 0, 100), (10.1, 0, 0)])
def test_within_five_and_ten_percent(off, within_5, within_10):
    for sign in (1, -1):
        scores = score(np.array([100.0, 200.0]) * (1 + sign * off / 100), np.array([100.0, 200.0]))
        assert (scores.within_5, scores.within_10) == (within_5, within_10)


def test_scores_in_a_file_have_four_decimals():
    assert Scores(1.23456, 2.0, 3.00004, 4.00006, 0.5, -0.12345).to_json() == {
        "bias": 1.2346, "mape": 2.0, "within_5": 3.0, "within_10": 4.0001, "spearman": 0.5, "kendall": -0.1235,
    }  # fmt: skip
