import math

import pytest

from search.noise import paired, standard_error


@pytest.mark.parametrize(
    "a, b, mean, error, tie",
    [
        ([3, 3], [1, 1], 2, 0, False),  # always two more
        ([1, 1], [3, 3], -2, 0, False),  # always two less
        ([1, 3], [1, 1], 1, 1, True),  # differences 0 and 2: standard deviation sqrt(2), over sqrt(2)
        ([1, 2], [1, 2], 0, 0, True),  # no difference at all
        ([1], [0], 1, math.inf, True),  # one sequence says nothing
    ],
)
def test_paired(a, b, mean, error, tie):
    difference = paired(a, b)
    assert (difference.mean, difference.standard_error, difference.tie) == (pytest.approx(mean), pytest.approx(error), tie)


def test_standard_error_shrinks_with_the_root_of_the_number():
    assert standard_error([0, 1] * 8) == pytest.approx(standard_error([0, 1] * 2) / 2, rel=0.15)
