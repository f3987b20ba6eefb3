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


@pytest.mark.parametrize(
    "differences, tie",
    [
        ([0.5, 2.5], True),  # 1.5 standard errors
        ([1, 3], True),  # exactly two
        ([1.25, 3.25], False),  # 2.25
        ([-3.25, -1.25], False),
    ],
)
def test_two_standard_errors_make_a_difference(differences, tie):
    assert paired(differences, [0.0, 0.0]).tie == tie


def test_both_kinds_of_noise_add_up_as_squares():
    """1 from the sequences; calibration makes either candidate's AO vary by 1, so their difference by the root of 2."""
    assert paired([1, 3], [0, 0], calibration=1.0).standard_error == pytest.approx(math.sqrt(3))
    assert paired([4, 0, 0], [0, 0, 0], calibration=0.5).standard_error == pytest.approx(math.sqrt(16 / 9 + 0.5))


@pytest.mark.parametrize(
    "values, error",
    [
        ([1, 2, 4], math.sqrt(7 / 9)),  # squares about 7/3 add up to 42/9; over 2, over 3
        ([0, 2], 1),
        ([5, 5, 5], 0),
        ([7], math.inf),
        ([], math.inf),
    ],
)
def test_standard_error_on_fingers(values, error):
    assert standard_error(values) == pytest.approx(error)


def test_calibration_noise_of_uneven_numbers_of_draws():
    """Variances 1 (of three draws) and 8 (of two)."""
    assert calibration_noise([[1, 2, 3], [0, 4]]) == pytest.approx(math.sqrt(4.5))
