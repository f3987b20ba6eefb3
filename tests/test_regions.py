"""Overlaps of regions: the toolkit's pixels, and exact areas."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.boxes import iou
from tracking.regions.areas import area_overlap
from tracking.regions.corners import boxes_of, corners_of
from tracking.regions.masks import mask_overlap

DIAMOND = [30, 10, 50, 30, 30, 50, 10, 30]


def pixels(a, b, size=None) -> float:
    return float(mask_overlap(np.array([a], float), np.array([b], float), size)[0])


def areas(a, b, size=None) -> float:
    return float(area_overlap(np.array([a], float), np.array([b], float), size)[0])


@pytest.mark.parametrize(
    "a, b, size, overlap",
    [
        ([10, 10, 20, 20], [20, 10, 20, 20], None, 231 / 651),  # 21 x 21 pixels each, 11 x 21 in common
        ([0, 0, 1, 1], [0, 0, 1, 1], None, 1),  # four pixels
        ([0, 0, 2, 2], [0, 0, 1, 2], None, 6 / 9),
        ([0, 0, 10, 10], [10, 0, 10, 10], None, 0),  # a column of pixels in common, but the bounds only touch
        ([10.5, 10.5, 2, 2], [11, 11, 2, 2], None, 9 / 9),  # the bounds of both begin at 10 and 11; 0.5 and 1 are rounded to 1
        ([-3, 0, 6, 2], [0, 0, 3, 2], (9, 9), 1),  # columns 0 to 3 of both
        ([8, 0, 6, 2], [8, 0, 2, 2], (9, 9), 1),  # columns 8 and 9
        ([8, 0, 6, 2], [8, 0, 2, 2], None, 9 / 21),
        ([20, 20, 5, 5], [20, 20, 5, 5], (9, 9), 0),  # outside of the image
        (DIAMOND, [10, 10, 40, 40], None, 839 / 1681),  # rows of 3, 5 ... 41 ... 3 pixels: the two tips are not filled
        (DIAMOND, DIAMOND, None, 1),
    ],
)
def test_pixels_by_hand(a, b, size, overlap):
    assert pixels(a, b, size) == pytest.approx(overlap, abs=1e-6)
    assert pixels(b, a, size) == pytest.approx(overlap, abs=1e-6)


def test_a_triangle_is_filled_row_by_row():
    """Corners (0, 0), (4, 0), (0, 4), the last one twice: rows of 5, 4, 3, 2 pixels, and a tip that is not filled; of 25 in the square."""
    assert pixels([0, 0, 4, 0, 0, 4, 0, 4], [0, 0, 4, 4]) == pytest.approx(14 / 25)
    assert areas([0, 0, 4, 0, 0, 4, 0, 4], [0, 0, 4, 4]) == pytest.approx(0.5)


def test_a_region_without_pixels_or_of_unknown_place_has_no_overlap():
    assert np.isnan(pixels([5, 5, 0.2, 0.2], [5, 5, 0.2, 0.2]))
    assert np.isnan(pixels([np.nan] * 4, [5, 5, 2, 2])) and np.isnan(areas([5, 5, 2, 2], [np.nan] * 8))
    assert pixels([5, 5, 0, 3], [5, 5, 2, 3]) == 0  # no width
    assert mask_overlap(np.zeros((0, 8)), np.zeros((0, 4))).shape == area_overlap(np.zeros((0, 8)), np.zeros((0, 4)), (5, 5)).shape == (0,)


@pytest.mark.parity
def test_pixels_of_the_toolkit(shared):
    cases = [case for case in json.loads((shared / "benchmarks/raster_overlap_cases.json").read_text()) if len(case["a"]) > 1]
    assert len(cases) == 17
    for case in cases:
        found = pixels(case["a"], case["b"], case["bounds_wh"])
        assert np.isnan(found) if case["overlap"] is None else found == pytest.approx(case["overlap"], abs=1e-6), case


@pytest.mark.parametrize(
    "a, b, size, overlap",
    [
        ([10, 10, 20, 20], [20, 10, 20, 20], None, 1 / 3),
        (DIAMOND, [10, 10, 40, 40], None, 0.5),
        (DIAMOND, [30, 10, 20, 20], None, 200 / 1000),  # a quarter of the diamond, half of the box of 400
        (DIAMOND, [30, 10, 10, 30, 30, 50, 50, 30], None, 1),  # the corners the other way round
        (DIAMOND, [10, 10, 40, 40], (30, 100), 0.5),  # halves of both
        ([0, 0, 5, 5], [5, 0, 5, 5], None, 0),
        ([0, 0, 0, 0], [0, 0, 0, 0], None, 0),
    ],
)
def test_areas_by_hand(a, b, size, overlap):
    assert areas(a, b, size) == pytest.approx(overlap)
    assert areas(b, a, size) == pytest.approx(overlap)


def test_exact_areas_need_convex_polygons():
    with pytest.raises(ValueError, match="convex"):
        areas([0, 0, 4, 0, 1, 1, 0, 4], [0, 0, 4, 4])
    assert pixels([0, 0, 4, 0, 1, 1, 0, 4], [0, 0, 4, 4]) < 1


def test_rectangles_among_polygons():
    regions = np.array([[1, 2, 10, 20, *[np.nan] * 4], DIAMOND])
    assert corners_of(regions)[0].tolist() == [[1, 2], [11, 2], [11, 22], [1, 22]]
    assert boxes_of(regions).tolist() == [[1, 2, 10, 20], [10, 10, 40, 40]]
    with pytest.raises(ValueError, match=r"\(N, 4\)"):
        corners_of(np.zeros((2, 5)))


def filled(corners: np.ndarray, width: int, height: int) -> np.ndarray:
    """The mask of a polygon of whole numbers, pixel by pixel, as the rule says it."""
    mask = np.zeros((height, width), bool)
    for row in range(height):
        places = []
        for (x, y), (x0, y0) in zip(corners, np.roll(corners, 1, axis=0), strict=True):
            if y != y0 and min(y, y0) <= row <= max(y, y0):
                places.append(int(x + (row - y) / (y0 - y) * (x0 - x)))
        places.sort()
        i = 0
        while i < len(places) - 1:
            if places[i] == places[i + 1]:
                i += 1
                continue
            mask[row, max(places[i], 0) : max(places[i + 1] + 1, 0)] = True
            i += 2
    return mask


numbers = st.integers(0, 30)
polygons = st.lists(numbers, min_size=8, max_size=8)


@given(polygons, polygons)
def test_pixels_of_any_polygon_are_those_that_the_rule_fills(a, b):
    corners = [np.array(each).reshape(4, 2) for each in (a, b)]
    (low_a, high_a), (low_b, high_b) = [(each.min(axis=0), each.max(axis=0)) for each in corners]
    found = pixels(a, b)
    if (np.minimum(high_a, high_b) <= np.maximum(low_a, low_b)).any():
        assert found == 0 or np.isnan(found)
        return
    origin = np.minimum(low_a, low_b)
    width, height = np.maximum(high_a, high_b) - origin + 1
    masks = [filled(each - origin, width, height) for each in corners]
    union = (masks[0] | masks[1]).sum()
    assert (np.isnan(found) and union == 0) or found == pytest.approx((masks[0] & masks[1]).sum() / union)


boxes = st.tuples(*[st.floats(-20, 60)] * 2, *[st.floats(0.5, 40)] * 2)


@given(boxes, boxes)
def test_exact_areas_of_rectangles_are_those_of_boxes(a, b):
    assert areas(a, b) == pytest.approx(float(iou(np.array(a), np.array(b))), abs=1e-9)


@given(st.lists(boxes, min_size=1, max_size=5), st.tuples(st.integers(1, 50), st.integers(1, 50)))
def test_many_pairs_are_compared_as_one_by_one(given_boxes, size):
    a, b = np.array(given_boxes), np.array(given_boxes[::-1])
    together = mask_overlap(a, b, size)
    assert np.array_equal(together, [pixels(x, y, size) for x, y in zip(a, b, strict=True)], equal_nan=True)
    known = together[~np.isnan(together)]
    assert ((known >= 0) & (known <= 1)).all()


def test_many_rows_are_filled_in_parts(monkeypatch):
    a = np.tile([0.0, 0, 10, 10], (7, 1))
    monkeypatch.setattr("tracking.regions.masks._ROWS", 25)  # two pairs at a time
    assert mask_overlap(a, a + [0, 0, 0, 11]).tolist() == pytest.approx([121 / 242] * 7)
