from pathlib import Path

import numpy as np
import pytest

from tracking.files.annotations import Rows
from tracking.matching import match_rows, ranges

NAN = float("nan")


def frames(*numbers, name="{:05d}.jpg"):
    return tuple(Path(name.format(number)) for number in numbers)


def matched(images, count, numbers=None):
    """The row that each frame gets, by its index; NaN for none, and what was noticed."""
    rows = Rows(np.repeat(np.arange(float(count))[:, None], 4, axis=1), None if numbers is None else np.array(numbers))
    boxes, notes = match_rows(rows, images, "truth.txt")
    return boxes[:, 0].tolist(), notes


def test_as_many_rows_as_frames_are_in_order():
    assert matched(frames(1, 2, 3), 3) == ([0, 1, 2], [])
    assert matched(frames(10, 20, 30), 3) == ([0, 1, 2], [])
    assert matched((np.zeros((1, 1, 3)),) * 2, 2) == ([0, 1], [])


def test_one_row_is_that_of_the_first_frame():
    found, notes = matched(frames(1, 2, 3), 1)
    np.testing.assert_equal(found, [0, NAN, NAN])
    assert notes == []


@pytest.mark.parametrize(
    "present, count, expected",
    [
        ([1, 2, 4, 5], 5, [0, 1, 3, 4]),  # one is missing within
        ([0, 1, 3, 4], 5, [0, 1, 3, 4]),
        ([4, 5], 5, [3, 4]),  # the first are missing
        ([3, 4], 5, [3, 4]),  # of frames that are counted from 0
        ([1, 2, 3], 6, [0, 1, 2]),  # the last are missing
        ([0, 1, 2], 6, [0, 1, 2]),
        ([1, 3], 6, [0, 2]),
        ([100, 101, 103], 4, [0, 1, 3]),  # rows and frames begin and end together
    ],
)
def test_surplus_rows_belong_to_missing_frames(present, count, expected):
    for name in ("{:05d}.jpg", "img{}.png", "cam2_frame-{:03d}_left.jpg"):
        found, (note,) = matched(frames(*present, name=name), count)
        assert found == expected and f"{count - len(present)} of the {count} rows in truth.txt have no frame" in note


@pytest.mark.parametrize(
    "images, count",
    [
        (frames(1, 2, 3), 4),  # row 1 may be that of frame 0 or of frame 1
        (frames(100, 101, 102), 5),  # cut at the front or at the end
        (frames(5, 6, 9), 20),
        (frames(1, 2, 5), 4),  # frame 5 would have no row
        ((Path("f1a.jpg"), Path("f1b.jpg")), 3),  # what differs is no number
        ((Path("cam2_4.jpg"),), 5),  # which of the two numbers?
        ((Path("frame.jpg"),), 5),
        ((Path("a.jpg"), Path("b.jpg")), 3),  # names without numbers
        ((Path("a1b2.jpg"), Path("a2b3.jpg")), 3),  # or with two that vary
        ((Path("a1.jpg"), Path("b2.jpg"), Path("x.jpg")), 4),
        ((np.zeros((1, 1, 3)),) * 2, 3),
    ],
)
def test_rows_that_could_belong_elsewhere_are_refused(images, count):
    with pytest.raises(ValueError, match=f"got {count} boxes for {len(images)} frames in truth.txt"):
        matched(images, count)


def test_a_single_frame():
    for name in ("{}.jpg", "img{:03d}.png"):
        assert matched(frames(4, name=name), 5)[0] == [4]
        assert matched(frames(1, name=name), 4)[0] == [0]


def test_every_frame_needs_a_row():
    with pytest.raises(ValueError, match=r"2 boxes for 3 frames in truth\.txt"):
        matched(frames(1, 2, 3), 2)


def test_rows_with_numbers():
    found, notes = matched(frames(1, 2, 3, 4), 3, numbers=[1, 3, 9])
    np.testing.assert_equal(found, [0, NAN, 1, NAN])
    assert "1 of the 3 rows" in notes[0] and "number 9" in notes[0]
    found, notes = matched((Path("a.jpg"), Path("b.jpg")), 2, numbers=[7, 8])
    assert (found, notes) == ([0, 1], [])
    with pytest.raises(ValueError, match="must meet"):
        matched(frames(1, 2), 2, numbers=[7, 8])


def test_ranges():
    assert ranges([4]) == "number 4"
    assert ranges([1, 3, 5, 7]) == "numbers 1, 3, 5, 7"
    assert ranges([1, 3, 5, 7, 9]) == "numbers 1, 3, 5, 7 and more"
    assert ranges([1, 2, 3, 7, 9, 10]) == "numbers 1 to 3, 7, 9 to 10"
    assert ranges(range(0, 20, 2)).endswith("and more")
