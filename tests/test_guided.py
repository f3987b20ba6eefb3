"""The default strategy: what it learns, when it stops, and that its rounds follow from the trials alone."""

from importlib import import_module

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from search.front.pareto import hypervolume
from search.metrics import Objective, accuracy
from search.metrics.counted import multiply_adds, parameters
from search.problem.budget import cheapest
from search.problem.feasible import FeasibilityFilter
from search.problem.problem import Constraint, Problem
from search.strategies.converged import SearchConverged
from search.strategies.guided import guided
from search.strategies.uniform import uniform
from supernet.families import FAMILIES
from supernet.space import SearchSpace

NANO = FAMILIES["nano"]
AO, AUC = Objective(accuracy.AO), Objective(accuracy.AUC)
MACS = multiply_adds(NANO)
LIMIT = Constraint(MACS, NANO.max_macs)
SPACE = NANO.space.choices


@pytest.fixture(scope="module", autouse=True)
def short_inner_search():
    module = import_module("search.strategies.guided")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_POPULATION", 60)
        patch.setattr(module, "_GENERATIONS", 10)
        patch.setattr(module, "_WORTH_IT", 0.005)
        yield


@pytest.fixture(scope="module")
def undisturbed(short_inner_search):
    return asked(go_on(*begin(problem()), 16))


def problem(objectives=(AO, MACS), evaluations=100, constraints=(LIMIT,), part=None):
    return Problem(NANO, objectives, constraints, evaluations, part=part)


def small(*labels):
    """A part of the space with few free choices."""
    return SearchSpace({label: values if label in labels else values[:1] for label, values in SPACE.items()}, NANO.architecture)


def made_up(choices):
    """Kernels of 7 and deep networks are good, the more the less."""
    worth = (choices % 6 == 4).sum(axis=1) + choices[:, list(SPACE).index("feature")]
    return 1 - np.exp(-0.1 * worth)


def begin(about, seed=0, strategy=guided):
    feasible = FeasibilityFilter(about, cheapest(about))
    directions = [objective.metric.direction for objective in about.objectives]
    study = optuna.create_study(directions=directions, sampler=strategy(feasible, seed))
    if strategy is guided:
        study.enqueue_trial(dict(feasible.anchor.choices))
    return study, feasible


def ask(study, feasible):
    trial = study.ask(feasible.distributions)
    key = feasible.problem.space.make(trial.params).key
    assert key not in feasible.seen
    feasible.seen.add(key)
    return trial


def tell(study, feasible, trial, scored=made_up):
    choices = NANO.space.indices([feasible.problem.space.make(trial.params)])
    study.tell(trial, [float((o.of if o.cheap else scored)(choices)[0]) for o in feasible.problem.objectives])


def go_on(study, feasible, count):
    for _ in range(count):
        tell(study, feasible, ask(study, feasible))
    return study


def restored(study, feasible, seed=0):
    """The study and filter of a process that knows the trials alone."""
    again, fresh = begin(feasible.problem, seed)
    again = optuna.create_study(directions=study.directions, sampler=guided(fresh, seed))
    again.add_trials(study.get_trials())
    fresh.seen.update(feasible.seen)
    return again, fresh


def asked(study):
    return [trial.params for trial in study.get_trials()]


def test_it_finds_more_than_random_in_half_of_the_evaluations():
    def volume(strategy, count):
        study = go_on(*begin(problem(), strategy=strategy), count)
        return hypervolume(np.array([(-t.values[0], t.values[1]) for t in study.get_trials()]), np.array([0, NANO.max_macs]))

    assert volume(guided, 26) > 1.02 * volume(uniform, 52)


@pytest.mark.parametrize("count", [5, 12, 15])
def test_a_killed_search_goes_on_as_if_nothing_had_happened(count, undisturbed):
    study, feasible = begin(problem())
    study, feasible = restored(go_on(study, feasible, count), feasible)
    assert asked(go_on(study, feasible, 16 - count)) == undisturbed


def test_a_trial_that_died_and_was_queued_again_changes_nothing(undisturbed):
    study, feasible = begin(problem())
    go_on(study, feasible, 12)
    dead = ask(study, feasible)
    feasible.seen.remove(feasible.problem.space.make(dead.params).key)
    study.tell(dead, state=TrialState.FAIL)
    study, feasible = restored(study, feasible)
    study.enqueue_trial(dead.params)
    assert asked(go_on(study, feasible, 4)) == [*undisturbed[:13], *undisturbed[12:]]


def test_rounds_grow_with_what_is_known():
    sampler = guided(FeasibilityFilter(problem(evaluations=200), cheapest(problem())), 0)
    assert [sampler._starts(count) for count in (0, 7, 8, 9, 31, 32, 33, 34, 47, 48, 50)] == [
        *((0, 0), (0, 0), (0, 8), (8, 9), (30, 31), (31, 32), (31, 32), (32, 34), (44, 46), (46, 48), (46, 48))
    ]


def test_another_seed_is_another_search(undisturbed):
    assert asked(go_on(*begin(problem(), seed=1), 3))[1:] != undisturbed[1:3]


def test_many_workers_and_failures():
    study, feasible = begin(problem())
    running = [ask(study, feasible) for _ in range(7)]
    for i in range(24):
        trial = running.pop(i * 5 % 7)
        if i % 6 == 5:
            study.tell(trial, state=TrialState.FAIL)
        else:
            tell(study, feasible, trial)
        running.append(ask(study, feasible))
    assert (feasible.problem.excess(NANO.space.indices([NANO.space.make(t.params) for t in study.get_trials()])) <= 0).all()


def test_everything_but_two_fails():
    study, feasible = begin(problem())
    go_on(study, feasible, 2)
    for _ in range(20):
        study.tell(ask(study, feasible), state=TrialState.FAIL)


@pytest.mark.parametrize("objectives", [(AO, MACS, parameters(NANO)), (AO, MACS, AUC)])
def test_three_objectives_with_one_or_two_accuracies(objectives):
    study, feasible = begin(problem(objectives))
    assert len(go_on(study, feasible, 15).get_trials()) == 15


def test_the_start_reaches_from_the_cheapest_to_the_limit():
    study, feasible = begin(problem())
    work = [trial.values[1] for trial in go_on(study, feasible, 10).get_trials()]
    assert MACS.of(NANO.space.indices([feasible.anchor]))[0] == work[0] == min(work)
    assert max(work) > 0.8 * NANO.max_macs


def test_a_limit_that_hardly_any_sample_meets():
    least = MACS.of(NANO.space.indices([cheapest(problem())]))[0]
    tight = problem(constraints=(Constraint(MACS, 1.1 * least),))
    study, feasible = begin(tight)
    assert max(trial.values[1] for trial in go_on(study, feasible, 20).get_trials()) <= 1.1 * least


def test_an_exhausted_space_is_told():
    about = problem(part=small("back.1.0", "cls.width"))  # 18 networks
    study, feasible = begin(about)
    with pytest.raises((ValueError, SearchConverged), match="after 18 of them"):
        go_on(study, feasible, 19)
    assert len(feasible.seen) == 18


def test_it_stops_when_little_more_is_expected_and_not_before_48():
    about = problem(part=small("back.1.0", "back.1.1", "cls.width", "feature"))  # 1296 networks
    study, feasible = begin(about)
    with pytest.raises(SearchConverged, match="expected to add [01]\\.[0-9]+%"):
        go_on(study, feasible, 200)
    assert len(feasible.seen) >= 48
    best = made_up(
        NANO.space.indices([about.space.make({**dict(feasible.anchor.choices), "back.1.0": "k7e4", "back.1.1": "k7e4", "feature": 11})])
    )
    assert max(trial.values[0] for trial in study.get_trials(states=(TrialState.COMPLETE,))) == best
