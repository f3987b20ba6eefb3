import numpy as np
import pytest

from tracking.grid import centres


@pytest.mark.parametrize(
    "size, stride, search_size, expected",
    [
        (3, 10, 100, [40, 50, 60]),  # odd: the middle cell is the middle
        (4, 10, 100, [30, 40, 50, 60]),  # even: the third of four
        (1, 16, 255, [127]),
    ],
)
def test_centres(size, stride, search_size, expected):
    np.testing.assert_array_equal(centres(size, stride, search_size), expected)


def test_lighttrack_mobile():
    assert centres(16, 16, 256)[[0, -1]].tolist() == [0, 240]
