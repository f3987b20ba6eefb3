import subprocess
import sys

import numpy as np
import pytest

from tracking.images import list_images, read_image, write_image


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


def test_missing_system_library_names_both_ways_out(tmp_path):
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import tracking.images"
    error = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.strip().splitlines()[-1]
    assert all(word in error for word in ("libGL.so.1", "apt-get install libgl1 libglib2.0-0", "opencv-python-headless"))
