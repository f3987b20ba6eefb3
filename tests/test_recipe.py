import math

import pytest

from supernet.training.recipe import Recipe


@pytest.mark.parametrize(
    "step, rate",
    [
        (0, 0.2 * 1 / 10),  # a tenth of the way up, and the cosine is still 1
        (5, 0.2 * 6 / 10 * (1 + math.cos(math.radians(9))) / 2),  # 5 of 100 steps are 9 degrees of half a turn
        (9, 0.2 * (1 + math.cos(math.radians(16.2))) / 2),  # all the way up
        (25, 0.2 * (1 + math.sqrt(0.5)) / 2),  # 45 degrees
        (50, 0.1),  # 90 degrees: half of the peak
        (75, 0.2 * (1 - math.sqrt(0.5)) / 2),
        (100, 0.0),
    ],
)
def test_the_rate_rises_linearly_and_falls_as_a_cosine(step, rate):
    assert Recipe(steps=100, batch=1, lr=0.2, warmup=10).rate(step) == pytest.approx(rate, abs=1e-12)


def test_what_is_not_said_is_usual():
    usual = Recipe(steps=10, batch=2, lr=0.1)
    assert (usual.weight_decay, usual.warmup, usual.clip) == (0.01, 50, 5.0)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 0}, {"lr": 0.0}, {"lr": 1.0}, {"lr": -0.1}, {"lr": math.nan}])
def test_senseless_recipes_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must"):
        Recipe(**{"steps": 1, "batch": 1, "lr": 0.5, **wrong})


def test_the_least_that_is_allowed():
    assert Recipe(steps=1, batch=1, lr=0.999).steps == 1


def test_only_what_is_given_changes():
    recipe = Recipe(steps=10, batch=2, lr=0.1, weight_decay=0.5, warmup=3, clip=1.0)
    assert recipe.changed(None, None, None) == recipe
    assert recipe.changed(20, None, None) == Recipe(20, 2, 0.1, 0.5, 3, 1.0)
    assert recipe.changed(None, 4, 0.2) == Recipe(10, 4, 0.2, 0.5, 3, 1.0)
