import numpy as np
import pytest

from tracking.benchmarks.one_pass import Scores, average, can_score, score

TRUTH = np.tile([0.0, 0, 10, 10], (5, 1))


def test_perfect_tracker():
    assert score(TRUTH, TRUTH) == Scores(success=pytest.approx(20 / 21), precision=1, ao=1, sr50=1, sr75=1)


def test_by_hand():
    predicted = TRUTH.copy()
    predicted[1] = [0, 0, 10, 6]  # overlap 0.6
    predicted[2] = [50, 0, 10, 10]  # lost
    predicted[3] = [0, 0, 10, 5]  # overlap 0.5: not above 0.5
    scores = score(predicted, TRUTH)
    assert scores.ao == pytest.approx((0.6 + 0 + 0.5 + 1) / 4)
    assert (scores.sr50, scores.sr75, scores.precision) == (2 / 4, 1 / 4, 4 / 5)
    # thresholds exceeded of 0, 0.05 .. 1: 20 by overlap 1 (twice), 12 by 0.6, 0 by 0, 10 by 0.5
    assert scores.success == pytest.approx((20 + 12 + 0 + 10 + 20) / 5 / 21, abs=0.01)


def test_precision_at_exactly_20_px():
    predicted = TRUTH + [20, 0, 0, 0]
    assert score(predicted, TRUTH).precision == 1
    assert score(predicted + [0.1, 0, 0, 0], TRUTH).precision == 0


def test_frames_without_truth_count_nowhere():
    truth, predicted = TRUTH.copy(), TRUTH.copy()
    truth[2], truth[3] = np.nan, 0
    predicted[2:4] = [99, 99, 1, 1]
    assert score(predicted, truth).ao == 1


def test_missing_prediction_is_a_miss():
    predicted = TRUTH.copy()
    predicted[1:] = np.nan
    assert score(predicted, TRUTH).ao == 0 and score(predicted, TRUTH).precision == 1 / 5


def test_the_box_that_was_given_is_no_success():
    """A score of the first frame alone would be perfect for every tracker."""
    only_first = np.where(np.arange(5)[:, None] == 0, TRUTH, np.nan)
    for truth in (TRUTH[:1], only_first):
        assert not can_score(truth)
        with pytest.raises(ValueError, match="after the first"):
            score(TRUTH[: len(truth)], truth)
    assert can_score(TRUTH)


def test_refusals():
    with pytest.raises(ValueError, match="shape"):
        score(TRUTH[:3], TRUTH)
    with pytest.raises(ValueError, match="none of 5"):
        score(TRUTH, TRUTH * np.nan)
    with pytest.raises(ValueError, match="at least one"):
        average([])


def test_average_weighs_sequences_the_same():
    assert average([Scores(1, 1, 1, 1, 1), Scores(0, 0, 0.5, 0, 0)]) == Scores(0.5, 0.5, 0.75, 0.5, 0.5)


def test_thresholds_of_success_rates():
    """SR.50 and SR.75 count overlaps that are larger than exactly these."""
    widths = [100, 49, 51, 74, 75, 76]  # of 100, so the overlap is the hundredth; the first frame does not count
    truth = np.tile([0.0, 0, 100, 100], (6, 1))
    predicted = truth.copy()
    predicted[:, 2] = widths
    scores = score(predicted, truth)
    assert (scores.sr50, scores.sr75) == (pytest.approx(4 / 5), pytest.approx(1 / 5))
    assert scores.ao == pytest.approx((0.49 + 0.51 + 0.74 + 0.75 + 0.76) / 5)


@pytest.mark.parametrize(
    "box, counts",
    [
        ([0, 0, 10, 0], False),  # no height
        ([0, 0, 0, 10], False),  # no width
        ([0, 0, -1, -1], False),
        ([np.nan, 0, 10, 10], False),  # one number is missing
        ([0, 0, 10, np.inf], False),
        ([0, 0, 0.5, 0.5], True),  # small, but a box
    ],
)
def test_a_frame_counts_if_its_true_box_has_an_area(box, counts):
    truth, predicted = TRUTH.copy(), TRUTH.copy()
    truth[2], predicted[2] = box, [99, 99, 1, 1]
    assert score(predicted, truth).ao == pytest.approx(3 / 4 if counts else 1)


@pytest.mark.parametrize("shapes", [((1, 4), (5, 4)), ((5, 3), (5, 3)), ((4,), (4,)), ((2, 4, 4), (2, 4, 4))])
def test_only_boxes_frame_by_frame_are_scored(shapes):
    with pytest.raises(ValueError, match=r"must both have shape \(T, 4\)"):
        score(*(np.ones(shape) for shape in shapes))
