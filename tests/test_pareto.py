import numpy as np
import pytest

from search.pareto import hypervolume, non_dominated


@pytest.mark.parametrize(
    "points, front",
    [
        ([(1, 2), (2, 1)], [0, 1]),  # neither dominates
        ([(1, 1), (2, 2)], [0]),  # one dominates
        ([(1, 1), (1, 1)], [0, 1]),  # equal points both stay
        ([(1, 1), (1, 2)], [0]),  # equal in one, worse in the other
        ([(3, 0), (0, 3), (1, 1), (2, 2), (1, 4)], [0, 1, 2]),
        ([(1, 1, 1), (1, 1, 0), (0, 2, 1)], [1, 2]),  # three objectives
        ([(5,), (4,), (4,)], [1, 2]),  # one objective
        ([], []),
    ],
)
def test_non_dominated(points, front):
    assert non_dominated(np.array(points)).tolist() == front


@pytest.mark.parametrize(
    "points, reference, volume",
    [
        ([], (1, 1), 0),
        ([(0, 0)], (2, 3), 6),
        ([(0, 1), (1, 0)], (2, 2), 3),  # two squares of 2 that share one
        ([(0, 1), (1, 0), (1, 1)], (2, 2), 3),  # a dominated point adds nothing
        ([(0, 1), (0, 1)], (2, 2), 2),  # nor does a twin
        ([(0, 3), (3, 0)], (2, 2), 0),  # nor what lies beyond the reference
        ([(2, 0)], (2, 2), 0),  # on its edge
        ([(0, 2), (1, 1), (2, 0)], (3, 3), 6),  # a staircase 1 + 2 + 3
        ([(0, 0, 0)], (2, 2, 2), 8),
        ([(0, 0, 1), (1, 1, 0)], (2, 2, 2), 5),  # 4 x 1 + 1 x 2 - 1 shared
        ([(3,), (1,)], (4,), 3),
    ],
)
def test_hypervolume(points, reference, volume):
    assert hypervolume(np.array(points), np.array(reference)) == pytest.approx(volume)
