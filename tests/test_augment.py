import numpy as np
import pytest

from tracking.augment import Look, apply_look, chain, colour_map, flip, mix_looks, sample_look

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)


def test_nothing_changes_nothing():
    np.testing.assert_array_equal(apply_look(IMAGE, Look(colour_map())), IMAGE)


def test_grey():
    grey = apply_look(IMAGE, Look(colour_map(saturation=0)))
    assert np.ptp(grey, axis=2).max() <= 1


def test_full_turn_of_hue():
    np.testing.assert_allclose(colour_map(hue=2 * np.pi), colour_map(), atol=1e-12)
    third = colour_map(hue=2 * np.pi / 3)[:, :3]
    np.testing.assert_allclose(third @ [255, 0, 0], [0, 255, 0], atol=1e-9)  # red becomes green


def test_chain_is_one_after_the_other():
    first, second, pixel = colour_map(0.5, 0.3, 1.1, 1, 9), colour_map(1, 0, 0.7, np.array([1, 2, 3]), -4), np.array([10, 20, 30])
    between = first @ [*pixel, 1]
    np.testing.assert_allclose(chain(first, second) @ [*pixel, 1], second @ [*between, 1])


@pytest.mark.parametrize("look", [Look(colour_map(), blur_px=1), Look(colour_map(), motion_px=(4, -2))])
def test_blur_keeps_brightness_and_place(look):
    spot = np.zeros((21, 21, 3), np.uint8)
    spot[8:13, 8:13] = 200
    blurred = apply_look(spot, look).astype(float)[..., 0]
    assert blurred.sum() == pytest.approx(25 * 200, rel=0.05)
    assert (np.indices(blurred.shape) * blurred).sum(axis=(1, 2)) / blurred.sum() == pytest.approx([10, 10], abs=0.15)
    assert 0 < blurred[7].max() < 200


def test_noise_has_its_deviation():
    flat = np.full((100, 100, 3), 128, np.uint8)
    noisy = apply_look(flat, Look(colour_map(), noise=5)).astype(float)
    assert noisy.std() == pytest.approx(5, rel=0.1) and noisy.mean() == pytest.approx(128, abs=0.5)
    assert not np.array_equal(noisy, apply_look(flat, Look(colour_map(), noise=5, noise_corner=(3, 4))))


def test_flip():
    image, box = flip(IMAGE, np.array([2, 3, 10, 12]))
    np.testing.assert_array_equal(image[3:12, 20:28], IMAGE[3:12, 2:10][:, ::-1])
    np.testing.assert_array_equal(box, [20, 3, 28, 12])


def test_mixture_begins_and_ends():
    a, b = sample_look(np.random.default_rng(1)), sample_look(np.random.default_rng(2))
    np.testing.assert_allclose(mix_looks(a, b, 0).colour, a.colour)
    np.testing.assert_allclose(mix_looks(a, b, 1).colour, b.colour)
    assert mix_looks(a, b, 1).blur_px == b.blur_px


def test_same_seed_same_look():
    one, two = (apply_look(IMAGE, sample_look(np.random.default_rng(3))) for _ in range(2))
    np.testing.assert_array_equal(one, two)
