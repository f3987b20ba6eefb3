from dataclasses import replace

import numpy as np
import pytest

from search.metrics import Metric, Objective
from search.metrics.accuracy import AO
from search.metrics.counted import multiply_adds, parameters
from search.problem.budget import cheapest
from search.problem.problem import Constraint, Problem
from supernet.families import FAMILIES
from supernet.space import SearchSpace

NANO = FAMILIES["nano"]
MACS, PARAMS = multiply_adds(NANO), parameters(NANO)
UNLIKE = Objective(Metric("unlike", "MACs saved"), lambda choices: 2e7 - MACS.of(choices))
"""The fewer multiply-adds, the more of it."""


def problem(**limits: float) -> Problem:
    known = {"macs": MACS, "params": PARAMS, "unlike": UNLIKE}
    return Problem(NANO, (Objective(AO), MACS), tuple(Constraint(known[name], limit) for name, limit in limits.items()), 10)


def cost(objective, arch) -> float:
    return objective.of(NANO.space.indices([arch]))[0]


def test_the_cheapest_is_much_cheaper_than_samples():
    rng = np.random.default_rng(5)
    samples = MACS.of(NANO.space.indices([NANO.space.sample(rng) for _ in range(300)]))
    assert cost(MACS, cheapest(problem(macs=1e9))) < 0.8 * samples.min()


def test_the_limit_may_just_be_met():
    least = cost(MACS, cheapest(problem(macs=1e9)))
    assert cost(MACS, cheapest(problem(macs=least))) == least


def test_impossible_limits_say_which_bind_and_by_how_much():
    macs, params = (cost(each, cheapest(problem(**{each.metric.kind: 1e12}))) for each in (MACS, PARAMS))
    with pytest.raises(ValueError, match=r"room for some architecture, max_macs is .* multiply-adds .* \(25\.0% more\); raise it"):
        cheapest(problem(macs=macs / 1.25, params=1e9))
    with pytest.raises(ValueError, match=r"max_macs is .* \(25\.0% more\); max_params is .* \(60\.0% more\); raise them"):
        cheapest(problem(macs=macs / 1.25, params=params / 1.6))


def test_limits_that_exclude_each_other():
    with pytest.raises(ValueError, match=r"each of max_macs and max_unlike does alone but not all together.* exceeds max_\w+ by .*%"):
        cheapest(problem(macs=8e6, unlike=10e6))


def test_only_the_part_that_is_searched_counts():
    free = ("feature", "reg.width")
    part = SearchSpace({label: values if label in free else values[-1:] for label, values in NANO.space.choices.items()}, NANO.space.make)
    best = cheapest(replace(problem(macs=1e9), part=part))
    assert best == NANO.space.make({label: values[0] for label, values in part.choices.items()})


def test_without_limits_it_is_the_one_of_least_cost():
    assert cheapest(problem()) == cheapest(problem(macs=1e9))
    assert cheapest(replace(problem(), objectives=(Objective(AO), PARAMS))) == cheapest(problem(params=1e9))
    costly = (Objective(AO), Objective(Metric("heat", "degrees")))
    assert cheapest(replace(problem(), objectives=costly)).family == "nano"  # any will do
