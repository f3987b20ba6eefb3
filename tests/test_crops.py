import numpy as np
import pytest

from tracking.crops import context_side, crop_aligned, crop_public

FILL = np.array([250.0, 251.9, 252.0])
Y, X = np.mgrid[:40, :60]
PLACES = np.stack([4 * X, 6 * Y, X * 0], axis=-1).astype(np.uint8)
"""An image 60 px wide and 40 px high whose pixels say where they are: four times x, and six times y."""


def test_a_target_has_half_its_width_and_height_for_context():
    sizes, sides = [(10, 10), (8, 2), (0, 4), (3, 4)], [20, 13 * 7, 2 * 6, 6.5 * 7.5]
    sides[1:] = np.sqrt(sides[1:])
    for size, side in zip(sizes, sides, strict=True):
        assert context_side(np.array(size)) == pytest.approx(side)
    assert context_side(np.array(sizes)) == pytest.approx(sides)
    assert context_side(np.array([sizes, sizes])) == pytest.approx(np.array([sides, sides]))


def places(crop):
    """(x, y) that each pixel of a crop comes from; None for the fill."""
    return [[None if pixel[2] else (pixel[0] // 4, pixel[1] // 6) for pixel in row] for row in crop.tolist()]


@pytest.mark.parametrize(
    "centre, side, left, top",
    [
        ((30, 20), 9, 25, 15),  # 30 - 10 / 2
        ((30, 20), 8, 26, 16),  # 30 - 9 / 2 = 25.5, rounded to even
        ((31, 21), 8, 26, 16),  # 26.5 and 16.5
        ((30.6, 20.4), 9, 26, 15),  # 25.6 and 15.4
        ((5, 5), 9, 0, 0),  # touches the image's edge
        ((56, 36), 9, 51, 31),  # so does this
        ((4, 20), 9, -1, 15),  # one column is outside
        ((30, 3), 9, 25, -2),
        ((57, 20), 9, 52, 15),
        ((30, 39), 9, 25, 34),
        ((1, 38), 9, -4, 33),  # a corner
        ((66, 20), 9, 61, 15),  # all is outside, to the right
        ((30, 46), 9, 25, 41),  # below
        ((-5, 20), 9, -10, 15),
        ((30, -5), 9, 25, -10),
    ],
)
def test_public_crops_are_whole_pixels(centre, side, left, top):
    expected = [[(x, y) if 0 <= x < 60 and 0 <= y < 40 else None for x in range(left, left + side)] for y in range(top, top + side)]
    crop = crop_public(PLACES, np.array(centre, float), side, side, FILL)
    assert places(crop) == expected
    assert {tuple(pixel) for row in crop.tolist() for pixel in row if pixel[2]} <= {(250, 251, 252)}


def test_public_crops_are_resized():
    """8 px become 4, so that each pixel is the mean of four."""
    crop = crop_public(PLACES, np.array([30.0, 20.0]), 8, 4, FILL)
    assert crop.shape == (4, 4, 3)
    assert crop[0, :, 0].tolist() == [4 * x + 2 for x in (26, 28, 30, 32)] and crop[:, 0, 1].tolist() == [
        6 * y + 3 for y in (16, 18, 20, 22)
    ]


@pytest.mark.parametrize(
    "centre, side, size, x, y",
    [
        ((30.5, 20.5), 9, 9, np.arange(26, 35), np.arange(16, 25)),  # pixel 30 covers 30 to 31
        ((30.25, 20.5), 4, 8, 28 + np.arange(8) / 2, 18.25 + np.arange(8) / 2),  # starts at 28.25; its pixels are half as large
        ((30.5, 20.0), 18, 9, 22 + 2 * np.arange(9), 11.5 + 2 * np.arange(9)),  # starts at 21.5; the middle of its first pixel lies at 22.5
    ],
)
def test_aligned_crops_are_sampled_between_pixels(centre, side, size, x, y):
    crop = crop_aligned(PLACES, np.array(centre), side, size, FILL)
    np.testing.assert_allclose(crop[..., 0], np.tile(4 * x, (size, 1)), atol=0.5)
    np.testing.assert_allclose(crop[..., 1], np.tile(6 * y[:, None], (1, size)), atol=0.5)


def test_aligned_crops_are_filled_outside():
    crop = crop_aligned(PLACES, np.array([0.0, 20.5]), 8, 8, FILL)  # from -4 to 4: half of it
    assert (crop[:, :3] == [250, 252, 252]).all() and (crop[:, 5:, 2] == 0).all()
