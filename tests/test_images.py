import subprocess
import sys

import numpy as np
import pytest

from tracking.images import cv2, list_images, read_image, write_image


def test_order_of_channels(tmp_path):
    red = np.zeros((4, 6, 3), np.uint8)
    red[..., 0] = 200
    write_image(tmp_path / "red.png", red)
    np.testing.assert_array_equal(read_image(tmp_path / "red.png"), red)


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_unreadable(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ValueError, match="a.jpg"):
        read_image(tmp_path / "a.jpg")


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="a.jpg"):
        read_image(tmp_path / "a.jpg")


def test_unknown_suffix(tmp_path):
    with pytest.raises(ValueError, match="suffix"):
        write_image(tmp_path / "a.xyz", np.zeros((2, 2, 3), np.uint8))


def test_natural_order(tmp_path):
    for name in ("10.jpg", "9.jpg", "a1.PNG", "notes.txt", ".hidden.jpg"):
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == ["9.jpg", "10.jpg", "a1.PNG"]


@pytest.mark.parametrize("suffix", ["pgm", "ppm", "jp2", "gif", "tif", "bmp", "webp"])
def test_formats(tmp_path, suffix):
    grey = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    path = tmp_path / f"a.{suffix}"
    assert cv2.imwrite(str(path), grey if suffix == "pgm" else np.dstack([grey] * 3))
    assert list_images(tmp_path) == (path,)
    found = read_image(path)
    assert found.shape == (32, 32, 3) and np.corrcoef(found.mean(axis=2).ravel(), grey.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("depth, suffix", [(np.uint16, "png"), (np.uint16, "tif"), (np.float32, "tif")])
def test_what_does_not_fill_its_range_is_stretched(tmp_path, depth, suffix):
    """Such as 14-bit thermal images in 16 bits: their upper 8 bits would be nearly black."""
    grey = np.tile(np.arange(256), (64, 1))
    assert cv2.imwrite(str(tmp_path / f"a.{suffix}"), (3000 + 8 * grey).astype(depth))
    image = read_image(tmp_path / f"a.{suffix}")
    assert image.dtype == np.uint8 and image.shape == (64, 256, 3)
    assert np.abs(image.astype(int) - grey[..., None]).max() <= 1


def test_colour_of_16_bits_keeps_its_upper_8(tmp_path):
    colour = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    colour[0, 0] = 255
    cv2.imwrite(str(tmp_path / "a.png"), colour.astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[..., ::-1], colour)


def test_one_value_is_no_range(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 4), 5000, np.uint16))
    assert not read_image(tmp_path / "a.png").any()


def test_transparency_is_dropped(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 4, 4), (10, 20, 30, 0), np.uint8))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.full((4, 4, 3), (30, 20, 10)))


def test_missing_system_library_names_both_ways_out(tmp_path):
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import tracking.images"
    error = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.strip().splitlines()[-1]
    assert all(word in error for word in ("libGL.so.1", "apt-get install libgl1 libglib2.0-0", "opencv-python-headless"))
