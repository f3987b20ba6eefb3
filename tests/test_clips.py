import numpy as np
import pytest

from search.judging.clips import static_ao
from tracking.sequence import Sequence


def still(boxes: list[list[float]]) -> Sequence:
    frames = (np.zeros((4, 4, 3), np.uint8),) * len(boxes)
    return Sequence("still", frames, np.array(boxes, float), np.ones(len(boxes), bool))


def test_static_box():
    """The second frame overlaps fully, the third by a third."""
    assert static_ao([still([[0, 0, 2, 2], [0, 0, 2, 2], [1, 0, 2, 2]])]) == pytest.approx((1 + 1 / 3) / 2)


def test_a_static_box_is_moved_where_it_has_lost_the_target():
    """Frame 1 fails, frame 6 restarts, frames 7 and 8 overlap fully: 2 of 8."""
    assert static_ao([still([[0, 0, 1, 1], *[[2, 2, 1, 1]] * 8])]) == pytest.approx(2 / 8)
