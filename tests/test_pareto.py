import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search.front.pareto import hypervolume, hypervolumes, non_dominated

_POINTS = st.tuples(st.integers(0, 12), st.integers(1, 4)).flatmap(lambda shape: arrays(float, shape, elements=st.integers(0, 4)))
"""A few points on a small grid, so that many coincide or share coordinates."""


@pytest.mark.parametrize(
    "points, front",
    [
        ([(1, 2), (2, 1)], [0, 1]),  # neither dominates
        ([(1, 1), (2, 2)], [0]),  # one dominates
        ([(1, 1), (1, 1)], [0, 1]),  # equal points both stay
        ([(1, 1), (1, 2)], [0]),  # equal in one, worse in the other
        ([(3, 0), (0, 3), (1, 1), (2, 2), (1, 4)], [0, 1, 2]),
        ([(1, 1, 1), (1, 1, 0), (0, 2, 1)], [1, 2]),  # three objectives
        ([(0, 3), (1, 1), (1, 1)], [0, 1, 2]),  # twins that are not the first
        ([(0, 3, 3), (1, 1, 1), (1, 1, 1)], [0, 1, 2]),
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
        ([(0, 0, 0)], (2, 3, 4), 24),  # each side is its own
        ([(0, 1, 2, 3)], (2, 3, 4, 6), 24),
    ],
)
def test_hypervolume(points, reference, volume):
    assert hypervolume(np.array(points), np.array(reference)) == pytest.approx(volume)


@given(_POINTS)
def test_the_front_is_who_nobody_beats(points):
    beaten = [any((other <= point).all() and (other < point).any() for other in points) for point in points]
    assert non_dominated(points).tolist() == [i for i, lost in enumerate(beaten) if not lost]


@given(_POINTS)
def test_hypervolume_counts_the_cells_of_a_grid(points):
    size = points.shape[1]
    cells = np.stack(np.meshgrid(*[np.arange(3)] * size, indexing="ij"), -1).reshape(-1, size)
    covered = [any((point <= cell).all() for point in points) for cell in cells]
    assert hypervolume(points, np.full(size, 3)) == sum(covered)


@given(_POINTS)
def test_hypervolume_grows_point_by_point(points):
    reference = np.full(points.shape[1], 3)
    assert hypervolumes(points, reference).tolist() == [hypervolume(points[:n], reference) for n in range(1, len(points) + 1)]


def test_a_front_of_more_points_than_are_compared_at_once():
    angle = np.linspace(0.01, 1.5, 700)
    arc = np.column_stack([-np.cos(angle), -np.sin(angle), np.zeros(700)])
    points = np.concatenate([arc + 0.1, arc])[np.random.default_rng(0).permutation(1400)]
    assert sorted(map(tuple, points[non_dominated(points)])) == sorted(map(tuple, arc))


def test_many_points_take_little_memory():
    points = np.random.default_rng(0).random((20_000, 3))
    tracemalloc.start()
    non_dominated(points)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # comparing all with all would take 400 MB an axis
