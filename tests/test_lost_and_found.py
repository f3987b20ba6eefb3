"""Absences and cases are told apart as by hand."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.lost_and_found import Case, Followed, absences, areas, cases, figures, follow_all, with_a_cut
from tests.test_calibration import OLD, clip
from tests.test_siamese import Present
from tracking.trackers.recovering import Recovering
from tracking.trackers.siamese import Siamese


@pytest.mark.parametrize(
    "seen, found",
    [
        ([1, 1, 0, 0, 1], [(2, 4)]),
        ([1, 0, 1, 1, 0, 0, 1], [(1, 2), (4, 6)]),
        ([1, 1, 0, 0], []),  # it does not come back
        ([1, 0, 1, 0], [(1, 2)]),
        ([1, 1, 1], []),
    ],
)
def test_absences_that_end(seen, found):
    assert absences(np.array(seen, bool)) == found


def followed(overlap, lost):
    return Followed(np.array(overlap, float), np.ones(len(overlap)), np.array(lost, bool))


@pytest.mark.parametrize(
    "overlap, lost, case",
    [
        ((1, 0.8, 0, 0, 0, 0.3, 0.7), (0, 0, 0, 1, 1, 0, 0), Case(True, True, 1, 2)),
        ((1, 0.8, 0, 0, 0.6, 0.6, 0.6), (0, 0, 0, 1, 1, 1, 0), Case(True, True, 2, 2)),  # not while it is called lost
        ((1, 0.05, 0, 0, 0.6, 0, 0), (0, 0, 0, 0, 0, 0, 0), Case(False, False, 0, 0)),  # it was lost before
        ((1, 0.8, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0), Case(True, False, None, None)),
    ],
)
def test_what_became_of_an_absence(overlap, lost, case):
    assert cases(followed(overlap, lost), np.array([1, 1, 0, 0, 1, 1, 1], bool)) == [case]


def test_thirty_frames_are_waited_for():
    visible = np.array([1, 1, 0, *[1] * 40], bool)
    for frame, again in ((32, 29), (33, None)):
        overlap = np.zeros(len(visible))
        overlap[[0, 1, frame]] = 1
        assert cases(followed(overlap, np.zeros(len(visible))), visible) == [Case(True, False, again, again)]


def test_areas_leave_out_the_first_frame():
    told = Followed(np.array([1, 0.9, 0.05, 0]), np.array([0, 0.9, 0.3, 0.5]), np.zeros(4, bool))
    assert areas([told], [clip(1, 1, 1, 0)]) == (0.5, 1.0)


def test_a_row_of_the_table():
    strict = Recovering(Siamese(Present(), replace(OLD, lost_below=0.3, lost_after=2, found_above=0.6)))
    row = figures(strict, [clip(*[1] * 4, *[0] * 6, *[1] * 8)] * 2, [clip(*[1] * 6)], [])
    assert row["cases"] == 2 and row["again"] == row["again_half"] == row["told"] == 1 and row["after"] == 0
    assert row["others"] == 0 and row["others_again"] is None and row["alarms"] == 0 and row["auc"] == row["auc_on"] == 1
    assert len(follow_all(strict, [clip(1, 1), clip(1, 1), clip(1, 0)], together=2)) == 3


def test_frames_of_another_sequence_are_an_absence():
    cut = with_a_cut(clip(*[1] * 9), clip(0, 0))
    assert len(cut) == 39 and absences(cut.visible) == [(3, 33)] and not (cut.image(5) > 100).any() and (cut.image(33) > 100).any()
