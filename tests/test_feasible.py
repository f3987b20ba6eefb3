from functools import partial

import numpy as np
import optuna
import pytest

from search.feasible import FeasibleSampler, Gate, cheapest
from search.objectives import Constraint, Objective, multiply_adds
from search.strategies import STRATEGIES
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
MACS = multiply_adds(NANO)
LAYERS = Objective("layers", "layers", "minimize", "counted", lambda archs: np.array([len(NANO.operators(arch)) for arch in archs], float))


@pytest.fixture(scope="module")
def smallest():
    return cheapest(NANO.space, [Constraint(MACS, 1e9)])


def test_the_cheapest_is_much_cheaper_than_samples(smallest):
    rng = np.random.default_rng(5)
    assert MACS.of([smallest])[0] < 0.8 * MACS.of([NANO.space.sample(rng) for _ in range(300)]).min()


def test_impossible_budgets_name_what_binds(smallest):
    least = MACS.of([smallest])[0]
    cheapest(NANO.space, [Constraint(MACS, least)])
    with pytest.raises(ValueError, match=r"max_macs must leave room.*25\.0% more"):
        cheapest(NANO.space, [Constraint(MACS, least / 1.25), Constraint(LAYERS, 1000)])
    with pytest.raises(ValueError, match="max_layers must leave room"):
        cheapest(NANO.space, [Constraint(MACS, 1e9), Constraint(LAYERS, 2)])


def draw(strategy: str, limit: float, anchor, count: int, seed: int = 0):
    gate = Gate(NANO.space, [Constraint(MACS, limit)], anchor)
    sampler = FeasibleSampler(partial(STRATEGIES[strategy], NANO.space, 40), gate, seed)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    drawn = []
    for _ in range(count):
        trial = study.ask(gate.distributions)
        drawn.append(NANO.space.make(trial.params))
        gate.seen.add(drawn[-1].key)
        study.tell(trial, [sum(value == "k5" for _, value in drawn[-1].choices), MACS.of(drawn[-1:])[0]])
    return drawn


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_stays_within_limits_and_repeats_nothing(strategy, smallest):
    limit = 1.1 * MACS.of([smallest])[0]  # so tight that hardly any sample fits as it is drawn
    drawn = draw(strategy, limit, smallest, 25)
    assert (MACS.of(drawn) <= limit).all()
    assert len({arch.key for arch in drawn}) == 25


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_follows_its_seed(strategy, smallest):
    first, again, other = (draw(strategy, NANO.max_macs, smallest, 12, seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_nsga2_learns(smallest):
    def kernels_of_5(drawn):
        return np.mean([sum(value == "k5" for _, value in arch.choices) for arch in drawn[-10:]])

    assert kernels_of_5(draw("nsga2", NANO.max_macs, smallest, 60)) > kernels_of_5(draw("random", NANO.max_macs, smallest, 60)) + 1
