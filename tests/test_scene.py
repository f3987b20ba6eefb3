from dataclasses import replace

import numpy as np
import pytest

from tracking.augment import Look, colour_map
from tracking.generated.outlines import Limb, superellipse
from tracking.generated.paths import poses
from tracking.generated.scene import Part, Scene, Sprite, render

SQUARE = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)


def scene(points=SQUARE, centre=(30.0, 20.0), width=10.0, height=8.0, ground=0, colour=255, swing=0.0):
    part = Part(Limb(points, np.zeros(2), swing), np.full((16, 16, 3), colour, np.uint8), np.eye(3), colour_map())
    at = poses(np.array([centre]), np.zeros(1), np.array([width]), np.array([height]))
    sprite = Sprite((part,), at, np.full(1, np.pi / 2))
    scenery = np.full((40, 60, 3), ground, np.uint8)
    return Scene((60, 40), scenery, np.eye(3)[None], (sprite,), (Look(colour_map()),), sprite.box(0)[None])


def test_whole_pixels_are_exact():
    image = render(scene(), 0)
    assert image.shape == (40, 60, 3)
    expected = np.zeros((40, 60), np.uint8)
    expected[16:24, 25:35] = 255
    np.testing.assert_array_equal(image[..., 0], expected)


def test_half_pixels_are_half_covered():
    image = render(scene(centre=(30.5, 20.0)), 0)[20, :, 0].astype(int)
    assert image[25] == pytest.approx(128, abs=32) and image[35] == pytest.approx(128, abs=32)
    assert (image[26:35] == 255).all() and image[24] == image[36] == 0


def test_rim_has_no_halo():
    image = render(scene(superellipse(2), width=21.3, height=17.7, ground=100, colour=200), 0)
    assert image.min() >= 99 and image.max() <= 200


def test_box_of_the_sprite():
    np.testing.assert_allclose(scene().sprites[0].box(0), [25, 16, 10, 8])
    turned = scene(width=10, height=10, swing=np.pi / 4).sprites[0].box(0)  # a square on its tip
    np.testing.assert_allclose(turned, [30 - 50**0.5, 20 - 50**0.5, 200**0.5, 200**0.5])


def test_view_is_a_crop():
    view = np.array([[2, 0, -40], [0, 2, -20], [0, 0, 1]], float)  # from (20, 10), twice as large
    image = render(scene(), 0, view, (40, 40))[..., 0]
    expected = np.zeros((40, 40), np.uint8)
    expected[12:28, 10:30] = 255
    np.testing.assert_array_equal(image, expected)


def test_fill_outside_the_frame():
    view = np.array([[1, 0, 5], [0, 1, 7], [0, 0, 1]], float)
    image = render(scene(ground=50), 0, view, (80, 60), np.array([1, 2, 3]))
    inside = np.zeros((60, 80), bool)
    inside[7:47, 5:65] = True
    assert (image[~inside] == [1, 2, 3]).all() and (image[inside] >= 50).all()


def test_mean_colour():
    dark = scene(ground=50)
    np.testing.assert_allclose(dark.mean_colour(0), 50)
    np.testing.assert_allclose(replace(dark, looks=(Look(colour_map(shift=10)),)).mean_colour(0), 60)


def test_sprite_outside_is_not_painted():
    assert render(scene(centre=(-40, 20)), 0).max() == 0
