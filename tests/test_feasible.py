from itertools import product

import numpy as np
import optuna
import pytest
from optuna.samplers import BaseSampler

from search.metrics import Objective
from search.metrics.accuracy import AO
from search.metrics.counted import multiply_adds
from search.problem.budget import cheapest
from search.problem.feasible import FeasibilityFilter, FeasibleSampler
from search.problem.problem import Constraint, Problem
from supernet.families import FAMILIES
from supernet.space import SearchSpace

NANO = FAMILIES["nano"]
MACS = multiply_adds(NANO)


def problem(*constraints: Constraint, free: tuple[str, ...] = tuple(NANO.space.choices)) -> Problem:
    part = {label: values if label in free else values[:1] for label, values in NANO.space.choices.items()}
    return Problem(NANO, (Objective(AO), MACS), constraints, 40, part=SearchSpace(part, NANO.space.make))


def macs(*architectures) -> np.ndarray:
    return MACS.of(NANO.space.indices(architectures))


@pytest.fixture(scope="module")
def smallest():
    return cheapest(problem(Constraint(MACS, 1e9)))


class Stubborn(BaseSampler):
    """Proposes one and the same architecture."""

    def __init__(self, architecture):
        self.chosen, self.asked = dict(architecture.choices), 0

    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_relative(self, study, trial, search_space):
        self.asked += 1
        return self.chosen

    def sample_independent(self, study, trial, param_name, param_distribution):
        raise AssertionError(param_name)


def propose(searched: Problem, sampler: BaseSampler, count: int, anchor, draws: int = 1) -> tuple[list, FeasibilityFilter]:
    feasible = FeasibilityFilter(searched, anchor)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=FeasibleSampler(lambda seed: sampler, feasible, 0, draws))
    proposed = []
    for _ in range(count):
        trial = study.ask(feasible.distributions)
        proposed.append(searched.space.make(trial.params))
        feasible.seen.add(proposed[-1].key)
        study.tell(trial, [0.5, macs(proposed[-1])[0]])
    return proposed, feasible


def test_what_was_refused_is_drawn_again_as_often_as_the_strategy_says(smallest):
    sampler = Stubborn(smallest)
    _, feasible = propose(problem(), sampler, 3, smallest, draws=4)
    assert sampler.asked == 1 + 4 + 4
    assert feasible.rejected["seen"] >= 8


def test_a_proposal_that_was_seen_gives_way_to_a_neighbour(rng):
    wanted, anchor = NANO.space.sample(rng), NANO.space.sample(rng)
    proposed, _ = propose(problem(), Stubborn(wanted), 6, anchor)
    changed = [sum(a != b for a, b in zip(arch.choices, wanted.choices, strict=True)) for arch in proposed]
    assert changed[0] == 0 and 0 < min(changed[1:])
    # a new exit moves what the layers behind it are spelled as; no choice was taken from the anchor
    assert sorted(changed)[-2] <= 3


def test_a_misfit_is_pulled_towards_the_anchor_only_as_far_as_needed(smallest):
    largest = NANO.space.make(
        {label: values[-1] for label, values in NANO.space.choices.items()} | {f"{h}.{i}": "k5" for h in ("cls", "reg") for i in range(8)}
    )
    limit = (macs(smallest)[0] + macs(largest)[0]) / 2
    proposed, feasible = propose(problem(Constraint(MACS, limit)), Stubborn(largest), 8, smallest)
    assert (macs(*proposed) <= limit).all()
    assert macs(*proposed).max() > 0.9 * limit  # a smaller exit takes many blocks at once, so not all come close
    assert feasible.rejected["max_macs"] > 8


def test_every_network_of_a_small_space_is_found_and_then_it_is_said_that_there_are_no_more():
    searched = problem(free=("reg.width", "reg.1", "cls.1"))
    anchor = searched.space.sample(np.random.default_rng(0))
    proposed, _ = propose(searched, Stubborn(anchor), 27, anchor)
    every = {
        searched.space.make(dict(zip(searched.space.choices, values, strict=True))).key
        for values in product(*searched.space.choices.values())
    }
    assert {arch.key for arch in proposed} == every
    with pytest.raises(ValueError, match="no new architecture within the limits was found after 27 of them"):
        propose(searched, Stubborn(anchor), 28, anchor)
