import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.boxes import box_of_polygon, center_error, clip_boxes, convex_quadrilateral, iou, parse_box, xywh_to_xyxy, xyxy_to_xywh

coordinate = st.floats(-1000, 1000)
side = st.floats(0.125, 1000)
box = st.tuples(coordinate, coordinate, side, side).map(np.array)


@pytest.mark.parametrize(
    "a, b, expected",
    [
        ((0, 0, 2, 2), (0, 0, 2, 2), 1),  # the same
        ((0, 0, 2, 2), (2, 0, 2, 2), 0),  # side by side
        ((0, 0, 2, 2), (1, 0, 2, 2), 1 / 3),  # half of each
        ((0, 0, 4, 4), (1, 1, 2, 2), 1 / 4),  # one in the other
        ((5, 5, 0, 0), (5, 5, 0, 0), 0),  # nothing in nothing
        ((0, 0, -2, -2), (0, 0, 2, 2), 0),  # no negative box
        ((0, 0, np.nan, 2), (0, 0, 2, 2), np.nan),
    ],
)
def test_iou(a, b, expected):
    np.testing.assert_allclose(iou(np.array(a), np.array(b)), expected)


def test_iou_broadcasts():
    boxes = np.array([[0, 0, 2, 2], [1, 0, 2, 2], [9, 9, 1, 1]])
    np.testing.assert_allclose(iou(boxes[:, None], boxes)[0], [1, 1 / 3, 0])


@given(box, box)
def test_iou_is_symmetric_and_a_share(a, b):
    assert iou(a, b) == iou(b, a)
    assert 0 <= iou(a, b) <= 1
    assert iou(a, a) == pytest.approx(1)


@given(box)
def test_corners_round_trip(a):
    np.testing.assert_allclose(xyxy_to_xywh(xywh_to_xyxy(a)), a, atol=1e-9)


def test_center_error():
    assert center_error(np.array([0, 0, 2, 2]), np.array([3, 4, 2, 2])) == 5
    assert center_error(np.array([0, 0, 4, 4]), np.array([1, 1, 2, 2])) == 0


def test_clip():
    np.testing.assert_array_equal(clip_boxes(np.array([[-2, 5, 4, 10], [30, 0, 5, 5]]), (20, 10)), [[0, 5, 2, 5], [20, 0, 0, 5]])


def test_parse_box():
    np.testing.assert_array_equal(parse_box(" 1, 2.5,3,4"), [1, 2.5, 3, 4])


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,0,4", "1,2,3,-4", "nan,2,3,4", "1,inf,3,4"])
def test_parse_box_refuses(text):
    with pytest.raises(ValueError, match="a box must be"):
        parse_box(text)


def test_a_polygon_becomes_a_box_of_its_area():
    half = np.sqrt(200) / 2  # a square on its tip: area 200 about (10, 10)
    np.testing.assert_allclose(box_of_polygon(np.array([10, 0, 20, 10, 10, 20, 0, 10.0])), [10 - half, 10 - half, 2 * half, 2 * half])
    np.testing.assert_allclose(box_of_polygon(np.array([10, 10, 30, 10, 30, 20, 10, 20.0])), [10, 10, 20, 10])


@pytest.mark.parametrize(
    "corners, is_one",
    [
        ((0, 0, 4, 0, 4, 2, 0, 2), True),
        ((0, 2, 4, 2, 4, 0, 0, 0), True),  # the other way round
        ((0, 0, 4, 2, 4, 0, 0, 2), False),  # the sides cross
        ((0, 0, 4, 0, 4, 2, 3, 0.5), False),  # a corner points inwards
        ((0, 0, 2, 0, 4, 0, 0, 2), False),  # three corners in a line
        ((0, 0, 6, 0, 6, 2, 4.1, 2), False),  # one side is three times as long as the other and more
        ((0, 0, 6, 0, 6, 2, 3.9, 2), True),
        ((np.nan,) * 8, False),
    ],
)
def test_quadrilaterals_that_people_draw(corners, is_one):
    assert convex_quadrilateral(np.array(corners, float)) == is_one
    assert convex_quadrilateral(np.array([corners] * 2, float)).tolist() == [is_one] * 2
