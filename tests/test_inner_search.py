import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from search.front.pareto import non_dominated
from search.metrics import Objective
from search.metrics.accuracy import AO
from search.metrics.counted import multiply_adds
from search.problem.problem import Constraint, Problem
from search.strategies.inner_search import Genes, best, evolve
from supernet.families import FAMILIES
from supernet.space import SearchSpace

NANO = FAMILIES["nano"]
MACS = multiply_adds(NANO)
LABELS = list(NANO.space.choices)
PART = SearchSpace({label: values[1:3] for label, values in NANO.space.choices.items()}, NANO.architecture)


def genes(limit: float = NANO.max_macs, part=None):
    return Genes.of(Problem(NANO, (Objective(AO), MACS), (Constraint(MACS, limit),), 100, part=part))


def depth_and_work(choices):
    """Depth against multiply-adds: cheap networks are shallow."""
    return np.stack([-choices[:, LABELS.index("feature")].astype(float), MACS.of(choices)], axis=1)


@pytest.mark.parametrize(
    "figures, count, chosen",
    [
        ([(1, 1), (2, 2), (3, 3)], 2, [0, 1]),  # one beats the next
        ([(3, 3), (2, 2), (1, 1)], 3, [2, 1, 0]),
        ([(0, 4), (1, 3), (1.1, 2.9), (4, 0)], 3, [0, 3, 2]),  # ends, then the one with most room
        ([(1, 1), (1, 1)], 2, [0, 1]),  # equal ones do not beat each other
    ],
)
def test_the_best_are_those_of_the_first_fronts_with_most_room(figures, count, chosen):
    assert best(np.array(figures, float), count).tolist() == chosen


@given(arrays.arrays(float, st.tuples(st.integers(1, 30), st.integers(1, 3)), elements=st.integers(0, 5).map(float)))
def test_the_front_comes_first(figures):
    order = best(figures, len(figures))
    front = non_dominated(figures)
    assert set(order[: len(front)]) == set(front) and len(set(order)) == len(figures)


def test_the_best_of_many_are_found_part_by_part(rng):
    figures = 1 + rng.random((5000, 2))
    figures[[7, 2500, 4999]] = [(0.0, 0.9), (0.5, 0.5), (0.9, 0.0)]
    assert set(best(figures, 3)) == {7, 2500, 4999}


def test_it_finds_the_front_within_limits(rng):
    found = evolve(genes(), genes().random(50, rng), set(), depth_and_work, rng, 50, 60)
    assert (MACS.of(found) <= NANO.max_macs).all()
    shallow, deep = found[MACS.of(found).argmin()], found[:, LABELS.index("feature")].max()
    smallest = MACS.of(np.zeros((1, len(LABELS)), int))[0]
    assert MACS.of(shallow[None])[0] < 1.05 * smallest and deep == 11


def test_networks_that_were_met_do_not_come_again_in_any_spelling(rng):
    known = genes()
    shallow = np.zeros((1, len(LABELS)), int)
    other_spelling = shallow.copy()
    other_spelling[0, LABELS.index("back.4.3")] = 5  # behind the exit
    met = set(known.keys(shallow))
    assert not len(known.fresh(other_spelling, met))
    found = evolve(known, known.mutated(np.repeat(shallow, 50, axis=0), rng), met, depth_and_work, rng, 50, 10)
    keys = known.keys(found)
    assert len(set(keys)) == len(keys) and known.keys(shallow)[0] not in keys


def test_only_values_of_the_part_are_bred_and_they_are_indices_of_the_whole(rng):
    part = genes(1e9, PART)
    found = evolve(part, part.random(30, rng), set(), depth_and_work, rng, 30, 10)
    assert all(np.isin(column, allowed).all() for column, allowed in zip(found.T, part.values, strict=True))
    chosen = part.chosen(found[0])
    assert all(chosen[label] in PART.choices[label] for label in LABELS)
    assert part.indices(chosen).tolist() == found[0].tolist()


def test_nothing_to_begin_with_is_nothing_found(rng):
    assert not len(evolve(genes(limit=1), genes().random(20, rng), set(), depth_and_work, rng, 20, 5))
