from types import SimpleNamespace

import numpy as np
import pytest

from tracking.trackers.procedure import check_box, follow


class Counting:
    """Moves its target by one pixel a frame; the score is the brightness of the image in hundredths."""

    settings = SimpleNamespace(lost_below=0.3, lost_after=2, found_above=0.31)

    def start(self, images, boxes):
        assert len(images) == 1 and boxes.shape == (1, 4)
        return boxes

    def step(self, images, state):
        boxes = state + [1, 0, 0, 0]
        return boxes, boxes, np.array([images[0].max() / 100])


def test_a_target_is_followed_from_its_box():
    images = [np.full((20, 30, 3), brightness, np.uint8) for brightness in (9, 31, 30, 29)]
    followed = list(follow(Counting(), images, np.array([1, 2, 3, 4])))
    assert [image is given for (image, _, _), given in zip(followed, images, strict=True)] == [True] * 4
    results = [result for _, result, _ in followed]
    assert [result.box.tolist() for result in results] == [[1, 2, 3, 4], [2, 2, 3, 4], [3, 2, 3, 4], [4, 2, 3, 4]]
    assert [result.score for result in results] == [1, 0.31, 0.3, 0.29]  # the given box is certain
    assert [result.doubtful for result in results] == [False, False, False, True]


def test_a_target_is_lost_after_some_doubtful_boxes_and_found_by_a_certain_one():
    images = [np.full((20, 30, 3), brightness, np.uint8) for brightness in (99, 40, 29, 29, 30, 31)]
    results = [result for _, result, _ in follow(Counting(), images, np.array([1, 2, 3, 4]))]
    assert [result.lost for result in results] == [False, False, False, True, True, False]
    assert [result.doubtful for result in results] == [False, False, True, True, False, False]


def test_the_time_of_each_frame_is_that_of_the_procedure(monkeypatch):
    ticks = iter([1.0, 1.5, 10.0, 10.25])
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    assert [seconds for _, _, seconds in follow(Counting(), [np.zeros((9, 9, 3), np.uint8)] * 2, np.array([1, 1, 2, 2]))] == [0.5, 0.25]


@pytest.mark.parametrize(
    "box",
    [
        [0, 0, 30, 20],
        [5, 5, 1, 1],  # a pixel
        [29.5, 19.5, 5, 5],  # half a pixel of it lies inside
        [-4.5, -4.5, 5, 5],
        [-20, -10, 60, 40],  # exactly twice as wide and high
        [-2, -3, 40, 30],
    ],
)
def test_a_box_that_lies_in_the_image_is_accepted(box):
    check_box(np.array(box, float), np.zeros((20, 30, 3)))


@pytest.mark.parametrize(
    "box",
    [
        [30, 5, 5, 5],  # begins at the right edge
        [5, 20, 5, 5],
        [31, 5, 5, 5],
        [5, 21, 5, 5],
        [-5, 5, 5, 5],  # ends at the left edge
        [5, -5, 5, 5],
        [-5.5, 5, 5, 5],
        [5, -5.5, 5, 5],
        [0, 0, 60.5, 20],  # more than twice as wide
        [0, 0, 30, 40.5],
        [np.nan, 0, 5, 5],
    ],
)
def test_a_box_elsewhere_is_refused(box):
    with pytest.raises(ValueError, match=r"must lie in the first image \(30x20\)"):
        check_box(np.array(box, float), np.zeros((20, 30, 3)))


@pytest.mark.parametrize("size", [(0.99, 5), (5, 0.99), (0, 5), (5, 0), (-1, 5), (5, -1), (5, np.nan), (np.nan, 5)])
def test_a_box_smaller_than_a_pixel_is_refused(size):
    with pytest.raises(ValueError, match="at least a pixel wide and high, got 5,5,.*; mend --box"):
        check_box(np.array([5, 5, *size], float), np.zeros((20, 30, 3)))


def test_shares_of_the_image_are_recognised():
    with pytest.raises(ValueError, match="if these are shares of the image, write 3,10,15,20"):
        check_box(np.array([0.1, 0.5, 0.5, 1.0]), np.zeros((20, 30, 3)))
    with pytest.raises(ValueError, match="mend --box"):
        check_box(np.array([1.5, 0.5, 0.5, 0.5]), np.zeros((20, 30, 3)))
