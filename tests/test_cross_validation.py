import numpy as np
import pytest

from predictors.cross_validation import cross_validated, folds


@pytest.mark.parametrize(
    "count, most, sizes",
    [
        (30, 10, [3] * 10),
        (23, 10, [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]),  # as equal as can be
        (4, 10, [1] * 4),  # every item is a part
        (7, 5, [2, 2, 1, 1, 1]),
    ],
)
def test_each_item_belongs_to_one_of_the_parts(count, most, sizes):
    parts = list(folds(count, most=most))
    assert [int(part.sum()) for part in parts] == sizes
    assert (np.sum(parts, axis=0) == 1).all()


def test_the_seed_fixes_the_parts():
    first, again, other = ([part.tolist() for part in folds(20, seed)] for seed in (0, 0, 1))
    assert first == again != other


def test_every_item_is_predicted_from_the_others():
    values = np.arange(12.0)
    asked = []

    def mean_of_known(known, wanted):
        assert not (known & wanted).any() and (known | wanted).all()
        asked.append(wanted)
        return np.full(wanted.sum(), values[known].mean())

    predicted = cross_validated(12, mean_of_known, seed=3)
    assert len(asked) == 10
    for wanted in asked:
        assert predicted[wanted] == pytest.approx(values[~wanted].mean())


def test_several_figures_are_predicted_at_once():
    values = np.arange(5.0)
    predicted = cross_validated(5, lambda known, wanted: np.stack([values[wanted], -values[wanted]]))
    assert predicted.tolist() == [[0, 1, 2, 3, 4], [0, -1, -2, -3, -4]]


def test_the_seed_is_0_where_none_is_given():
    asked = {}
    for name, seed in (("none", {}), ("0", {"seed": 0}), ("1", {"seed": 1})):
        parts = asked[name] = [part.tolist() for part in folds(20, **seed)]
        predicted = cross_validated(20, lambda known, wanted: np.full(wanted.sum(), np.flatnonzero(wanted).min()), **seed)
        assert predicted.tolist() == [next(part.index(True) for part in parts if part[item]) for item in range(20)]
    assert asked["none"] == asked["0"] != asked["1"]
