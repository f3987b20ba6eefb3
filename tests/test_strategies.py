"""What every strategy must do: each is walked through the same small searches, with a made-up accuracy."""

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from search.front.pareto import hypervolume
from search.metrics import Objective
from search.metrics.accuracy import AO
from search.metrics.counted import multiply_adds, parameters
from search.problem.budget import cheapest
from search.problem.feasible import FeasibilityFilter
from search.problem.problem import Constraint, Problem
from search.strategies import STRATEGIES
from supernet.families import FAMILIES
from supernet.space import SearchSpace

NANO = FAMILIES["nano"]
OVERLAP, MACS, PARAMS = Objective(AO), multiply_adds(NANO), parameters(NANO)
ANYTHING = Constraint(MACS, 1e9)
FREE = ("back.1.0", "feature", "cls.1", "reg.width", "reg.1", "reg.2", "reg.3")
SLOW = {"gp": 14, "guided": 40, "tpe": 60}
"""Evaluations after which those that think for long are judged."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


def part(*free: str) -> SearchSpace:
    """The nano space with some choices left free; heads are short otherwise."""
    pinned = {
        label: ("skip",) if "skip" in values and not label.endswith(".0") else values[:1] for label, values in NANO.space.choices.items()
    }
    return SearchSpace({label: NANO.space.choices[label] if label in free else values for label, values in pinned.items()}, NANO.space.make)


def problem(
    limit: float = 12e6, evaluations: int = 40, space: SearchSpace | None = None, objectives: tuple[Objective, ...] = (OVERLAP, MACS)
) -> Problem:
    return Problem(NANO, objectives, (Constraint(MACS, limit),), evaluations, part=space or part(*FREE))


def macs(architectures) -> np.ndarray:
    return MACS.of(NANO.space.indices(architectures))


def accuracy(arch) -> float:
    """Kernels of 5 help, wide heads help, a middle exit is best: nothing that random samples are good at all at once."""
    layers = sum({"k5": 1.0, "k3": 0.4}.get(str(arch[label]), 0.0) for label in ("cls.1", "reg.1", "reg.2", "reg.3"))
    return 0.5 + 0.05 * layers - 0.01 * abs(int(arch["feature"]) - 4) + 0.002 * int(arch["reg.width"])


class Search:
    """A search in memory, driven as `search.study.study.Study` does it."""

    def __init__(self, strategy: str, searched: Problem, seed: int = 0, before: "Search | None" = None, kept: int = 0):
        self.problem = searched
        self.feasible = FeasibilityFilter(searched, cheapest(Problem(NANO, searched.objectives, (ANYTHING,), 1, part=searched.part)))
        self.study = optuna.create_study(
            directions=[objective.metric.direction for objective in searched.objectives], sampler=STRATEGIES[strategy](self.feasible, seed)
        )
        if before is None:
            self.study.enqueue_trial(dict(self.feasible.anchor.choices))
            return
        storage, known = self.study._storage, before.study._storage  # what a sampler notes in a study is kept as well
        for name, content in known.get_study_system_attrs(before.study._study_id).items():
            storage.set_study_system_attr(self.study._study_id, name, content)
        self.study.add_trials(before.study.get_trials()[:kept])
        self.feasible.seen.update(arch.key for arch in before.drawn[:kept])

    @property
    def drawn(self) -> list:
        return [self.problem.space.make(trial.params) for trial in self.study.get_trials(deepcopy=False)]

    def ask(self):
        trial = self.study.ask(self.feasible.distributions)
        arch = self.problem.space.make(trial.params)
        assert arch.key not in self.feasible.seen
        self.feasible.seen.add(arch.key)
        above = self.problem.excess(NANO.space.indices([arch]))[0]
        assert (above <= 0).all()
        for constraint, excess in zip(self.problem.constraints, above, strict=True):
            trial.set_constraint(constraint.name, float(excess))
        return trial

    def tell(self, trial) -> None:
        arch = self.problem.space.make(trial.params)
        choices = NANO.space.indices([arch])
        self.study.tell(trial, [accuracy(arch), *(float(o.of(choices)[0]) for o in self.problem.objectives[1:])])

    def run(self, count: int) -> "Search":
        for _ in range(count):
            self.tell(self.ask())
        return self


@pytest.fixture(params=STRATEGIES)
def strategy(request) -> str:
    return request.param


def test_it_stays_within_limits_so_tight_that_hardly_a_sample_fits(strategy):
    least = macs([cheapest(Problem(NANO, (OVERLAP, MACS), (ANYTHING,), 1))])[0]
    Search(strategy, problem(1.1 * least, space=NANO.space)).run(12)  # `ask` checks


def test_it_follows_its_seed_and_goes_on_from_trials_alone(strategy):
    whole = Search(strategy, problem(), seed=3).run(13)
    assert Search(strategy, problem(), 3, whole, kept=11).run(2).drawn == whole.drawn
    assert Search(strategy, problem(), seed=4).run(9).drawn != whole.drawn[:9]


def test_failed_and_running_trials_do_not_upset_it(strategy):
    search = Search(strategy, problem(evaluations=24)).run(11)
    search.study.tell(search.ask(), state=TrialState.FAIL)
    running = [search.ask() for _ in range(3)]
    search.tell(running[2])
    search.tell(running[0])
    search.run(1)
    assert len({arch.key for arch in search.drawn}) == 16


def test_it_works_for_three_objectives(strategy):
    search = Search(strategy, problem(objectives=(OVERLAP, MACS, PARAMS))).run(12)
    assert len({arch.key for arch in search.drawn}) == 12


def test_it_says_when_there_is_nothing_left(strategy):
    search = Search(strategy, problem(1e9, space=part("feature")))
    with pytest.raises(ValueError, match="no new architecture within the limits was found after 12 of them; fewer evaluations"):
        search.run(13)
    assert len(search.feasible.seen) == 12


def test_it_learns(strategy):
    if strategy == "random":
        pytest.skip("it does not")
    count = SLOW.get(strategy, 120)
    drawn, chance = (Search(name, problem(evaluations=count)).run(count).drawn for name in (strategy, "random"))
    if strategy == "lighttrack":  # which does not ask what an architecture costs
        assert np.mean([accuracy(arch) for arch in drawn[-24:]]) > np.quantile([accuracy(arch) for arch in chance], 0.9)
    assert dominated(drawn) > dominated(chance)


def dominated(architectures) -> float:
    points = np.column_stack([[-accuracy(arch) for arch in architectures], macs(architectures) / 12e6])
    return hypervolume(points, np.array([-0.4, 1.0]))
