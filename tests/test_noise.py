import math

import pytest

from search.judging.noise import calibration_noise, paired, standard_error


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


def test_calibration_makes_ties():
    a, b = [0.51, 0.53, 0.52], [0.50, 0.52, 0.51]
    assert not paired(a, b).tie
    assert paired(a, b, calibration=0.01).standard_error == pytest.approx(0.01 * 2**0.5)
    assert paired(a, b, calibration=0.01).tie
    assert paired(a, a, calibration=0.01).standard_error == 0  # the same candidate


def test_calibration_noise_is_pooled():
    """Variances 2 and 0 over two draws each: the root of their mean."""
    assert calibration_noise([[1, 3], [5, 5]]) == pytest.approx(1)
    assert calibration_noise([]) == 0
