"""Searches without weights: made-up judges, and workers that only a clock simulates."""

import itertools
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from optuna.samplers import RandomSampler

from predictors.load import load_predictor
from search.front.pareto import hypervolume
from search.front.results import summarise, write_candidates, write_front
from search.judging.judge import Job, Outcome
from search.judging.noise import calibration_noise
from search.judging.tabular import TabularJudge
from search.library import SearchOptions, run_search
from search.metrics import Figure, Metric, Objective
from search.metrics.accuracy import AO, LOSS
from search.metrics.counted import MACS, multiply_adds
from search.metrics.predicted import LATENCY, TEMPLATE, predicted_latency, template_latency
from search.problem.feasible import FeasibleSampler
from search.problem.problem import Constraint, Problem
from search.strategies.converged import SearchConverged
from search.study.study import read_candidates
from search.workers.inline import InlineWorkers
from supernet.families import FAMILIES
from supernet.space import SearchSpace
from tests.test_study import lines

NANO = FAMILIES["nano"]
OVERLAP, WORK = Objective(AO), multiply_adds(NANO)
LIMIT = Constraint(WORK, NANO.max_macs)
CHIP = load_predictor(Path(__file__).parent / "data" / "predictor-3.json")
TIME = predicted_latency(CHIP)
SHARPNESS = Metric("sharpness", direction="maximize")
SMALL = {"back.1.0": ("k3e4", "k7e4"), "cls.width": ("16", "24", "32"), "feature": (0, 1, 2)}
"""A part of the space with 18 networks."""


def problem(evaluations=12, objectives=(OVERLAP, WORK), constraints=(LIMIT,), **more) -> Problem:
    return Problem(NANO, objectives, constraints, evaluations, **more)


def small(**more) -> Problem:
    part = {label: SMALL.get(label, values[:1]) for label, values in NANO.space.choices.items()}
    return problem(part=SearchSpace(part, NANO.space.make), **more)


def score(job: Job, number: int) -> float:
    """Larger networks are better, and each sequence and each calibration has a whim of its own."""
    whim = np.random.default_rng([int(job.architecture.key, 16), number, job.calibration]).normal()
    return float(0.3 + WORK.of(NANO.space.indices([job.architecture]))[0] / 5e7 + 0.01 * whim)


def judge(job: Job) -> Outcome:
    return Outcome({"ao": tuple(score(job, number) for number in job.sequences)}, 1.0)


def taking(*seconds: float):
    """A judge whose jobs take so long, in the order in which they begin; KeyboardInterrupt and others instead of a number are raised."""
    times = itertools.chain(seconds, itertools.repeat(1.0))

    def judged(job: Job) -> Outcome:
        each = next(times)
        if isinstance(each, BaseException):
            raise each
        return Outcome(judge(job).scores, each)

    return judged


class Watched(InlineWorkers):
    """Keeps what it was asked to do and in which order answers came."""

    def __init__(self, judge, count=1, factor=1.0):
        super().__init__(judge, count)
        self.jobs, self.answered, self.devices, self._factor = [], [], [], factor

    def submit(self, number, job):
        self.jobs.append(job)
        super().submit(number, job)

    def next(self):
        number, outcome = super().next()
        self.answered.append(number)
        return number, outcome

    def on_device(self, device, measure):
        """A device that takes so many times what was predicted."""
        assert not self._busy and not self._waiting
        architectures = measure.args[2]
        self.devices.append((device, len(architectures)))
        return [{"search": self._factor * ms, "template": 1.0} for ms in CHIP.predict(architectures).value]


@pytest.mark.parametrize(
    "count, answered, clock_s",
    [
        (1, [0, 1, 2, 3, 4, 5], 13),
        # 1 ends at 1, and 4 begins; 2 ends at 2, as does 4, and 5 begins; 3 ends at 3, as does 5; 0 ends at 5
        (4, [1, 2, 4, 3, 5, 0], 5),
    ],
)
def test_outcomes_come_back_in_the_order_in_which_workers_finish(tmp_path, count, answered, clock_s):
    workers = Watched(taking(5, 1, 2, 3, 1, 1), count)
    found = run_search(problem(6), "random", workers, tmp_path)
    assert (workers.answered, workers.clock_s) == (answered, clock_s)
    assert [candidate.number for candidate in found.candidates] == [0, 1, 2, 3, 4, 5]
    assert [candidate.seconds for candidate in found.candidates] == [5, 1, 2, 3, 1, 1]
    assert found.candidates == read_candidates(tmp_path)
    assert len({candidate.architecture for candidate in found.candidates}) == 6


@pytest.mark.parametrize("strategy", ["random", "nsga2", "lighttrack"])
def test_many_workers_find_what_one_does_not_repeat(tmp_path, strategy):
    one, four = (run_search(problem(20), strategy, InlineWorkers(judge, count), tmp_path / str(count)) for count in (1, 4))
    assert len(one.candidates) == len(four.candidates) == len({candidate.architecture for candidate in four.candidates}) == 20
    again = run_search(problem(20), strategy, InlineWorkers(judge, 4), tmp_path / "again")
    assert lines(tmp_path / "again") == lines(tmp_path / "4") and again.front == four.front  # a simulated clock repeats itself


RESCORED = SearchOptions(range(100, 104), range(200, 206), recalibrate=True, seed=3)


@pytest.mark.parametrize(
    "strategy, interrupted",
    [("nsga2", 0), ("nsga2", 7), ("random", 7), ("lighttrack", 7), ("nsga2", 13), ("nsga2", 20), ("nsga2", 22)],
)  # evaluations, then rescoring, then calibrating
def test_an_interrupted_search_goes_on_byte_for_byte(tmp_path, strategy, interrupted, capsys):
    whole = run_search(problem(), strategy, Watched(judge), tmp_path / "whole", RESCORED)
    with pytest.raises(KeyboardInterrupt):
        run_search(problem(), strategy, Watched(taking(*[1.0] * interrupted, KeyboardInterrupt())), tmp_path / "broken", RESCORED)
    assert f"{min(interrupted, 12)} finished candidates are kept in {tmp_path / 'broken'}" in capsys.readouterr().err
    found = run_search(problem(), strategy, Watched(judge), tmp_path / "broken", RESCORED)
    assert lines(tmp_path / "broken") == lines(tmp_path / "whole")
    for name, each in (("whole", whole), ("broken", found)):
        write_front(tmp_path / name, each.front, each.recommendation)
        write_candidates(tmp_path / name, each.candidates, each.front)
    for path in (tmp_path / "whole").rglob("*.[jc]s*"):
        assert path.read_bytes() == (tmp_path / "broken" / path.relative_to(tmp_path / "whole")).read_bytes()


def test_a_finished_search_has_nothing_to_do(tmp_path):
    first = run_search(problem(), "random", Watched(judge), tmp_path, RESCORED)
    workers = Watched(judge)
    again = run_search(problem(), "random", workers, tmp_path, RESCORED)
    assert workers.jobs == [] and (again.candidates, again.front) == (first.candidates, first.front)
    more = run_search(problem(15), "nsga2", workers, tmp_path, RESCORED)
    assert [candidate.strategy for candidate in more.candidates] == ["random"] * 12 + ["nsga2"] * 3


def test_failed_evaluations_are_counted_and_not_tried_again(tmp_path, capsys):
    workers = Watched(taking(1, 1, ArithmeticError("unlucky"), 1, ArithmeticError("unlucky")))
    found = run_search(problem(), "random", workers, tmp_path)
    assert found.failures == 2 and len(found.candidates) == 12
    assert [c.number for c in found.candidates] == [0, 1, 3, *range(5, 14)]
    assert len({job.architecture for job in workers.jobs}) == len(workers.jobs) == 14
    assert capsys.readouterr().err.count("failed: ArithmeticError: unlucky") == 2


@pytest.mark.parametrize(
    "seconds, message",
    [
        ([MemoryError("full")], "1 evaluations failed, the last one with: MemoryError: full"),
        ([1, *[ValueError(f"no {i}") for i in range(3)]], "3 evaluations failed, the last one with: ValueError: no 2"),
    ],
)
def test_too_many_failures_end_a_search(tmp_path, seconds, message):
    with pytest.raises(ChildProcessError, match=message):
        run_search(problem(), "random", InlineWorkers(taking(*seconds)), tmp_path)
    assert len(read_candidates(tmp_path)) == len(seconds[:-1]) // 3


def test_a_judge_must_tell_the_objectives_and_may_tell_more(tmp_path):
    with pytest.raises(ChildProcessError, match="1 evaluations failed, the last one with: a judge must tell ao, it told heat, sharpness"):
        run_search(problem(), "random", InlineWorkers(lambda job: Outcome({"heat": (1.0,), "sharpness": (1.0,)}, 1.0)), tmp_path / "less")
    found = run_search(problem(), "random", InlineWorkers(lambda job: Outcome({"ao": (0.5,), "heat": (9.0,)}, 1.0)), tmp_path / "more")
    assert {metric for candidate in found.candidates for metric in candidate.figures} == {AO, MACS}
    assert found.candidates[0].scores == {"ao": (0.5,), "heat": (9.0,)}


@pytest.mark.parametrize("options, title", [({"rescoring": range(9)}, "rescoring"), ({"recalibrate": True}, "calibrating again")])
def test_judging_again_must_not_fail(tmp_path, options, title):
    with pytest.raises(ChildProcessError, match=f"^{title} .* failed: ValueError: no"):
        run_search(problem(), "random", InlineWorkers(taking(*[1] * 12, ValueError("no"))), tmp_path, SearchOptions(range(4), **options))


def impatient(feasible, seed):
    """Random, until six are known."""
    return _Impatient(lambda drawn: RandomSampler(drawn), feasible, seed)


class _Impatient(FeasibleSampler):
    def sample_relative(self, study, trial, search_space):
        if trial.number == 6:
            raise SearchConverged("six are enough")
        return super().sample_relative(study, trial, search_space)


@pytest.mark.parametrize("count", [1, 4])
def test_a_strategy_of_ones_own_may_converge(tmp_path, count, capsys):
    workers = Watched(taking(9), count)
    found = run_search(problem(), impatient, workers, tmp_path)
    assert found.stopped == "six are enough" and len(found.candidates) == 6 and len(workers.jobs) == 6
    assert {candidate.strategy for candidate in found.candidates} == {"impatient"}
    assert "stopped after 6 evaluations: six are enough" in capsys.readouterr().err


def test_a_table_of_all_networks_is_searched_until_the_front_is_found(tmp_path):
    every = [small().space.make(dict(zip(SMALL, values, strict=True)) | _pinned()) for values in itertools.product(*SMALL.values())]
    table = {arch.key: {"ao": (score(Job(arch, range(1)), 0),)} for arch in every}
    found = run_search(small(evaluations=18), "random", InlineWorkers(TabularJudge(table), 3), tmp_path, SearchOptions(range(4)))
    assert {candidate.architecture for candidate in found.candidates} == set(every)
    assert all(candidate.scores["ao"] == 4 * table[candidate.architecture.key]["ao"] for candidate in found.candidates)
    with pytest.raises(ValueError, match="no new architecture within the limits was found after 18 of them"):
        run_search(small(evaluations=19), "random", InlineWorkers(TabularJudge(table)), tmp_path, SearchOptions(range(4)))


def _pinned() -> dict:
    return {label: values[0] for label, values in NANO.space.choices.items() if label not in SMALL}


def sharp(job: Job) -> Outcome:
    macs = WORK.of(NANO.space.indices([job.architecture]))[0]
    return Outcome({"sharpness": tuple(macs / 2e7 + 0.01 * (number % 2) for number in job.sequences)}, 1.0)


def test_an_objective_of_ones_own(tmp_path):
    depth = Objective(Metric("depth", "layers"), lambda choices: 1.0 + choices[:, list(NANO.choices).index("feature")])
    asked = problem(10, (Objective(SHARPNESS), depth), (), noted=(WORK,))
    found = run_search(asked, "nsga2", InlineWorkers(sharp), tmp_path / "study", SearchOptions(range(4), range(4, 10)))
    assert [member.value(SHARPNESS) for member in found.front] == sorted((m.value(SHARPNESS) for m in found.front), reverse=True)
    winner = found.recommendation.winner
    assert winner.figures[SHARPNESS] == Figure(pytest.approx(winner.value(MACS) / 2e7 + 0.005), pytest.approx(0.005 / 3**0.5), "counted")
    assert (
        winner.figures[SHARPNESS.found_again].source == "counted" and "highest sharpness on 6 further sequences" in found.recommendation.why
    )
    assert found.candidates[0].value(depth.metric) == 1  # without limits the search begins with the cheapest
    write_candidates(tmp_path, found.candidates, found.front)
    head = (tmp_path / "candidates.csv").read_text().partition("\n")[0].split(",")
    assert {"sharpness", "sharpness_noise", "sharpness_rescored", "depth"} <= set(head)


@pytest.fixture
def short_inner_search(monkeypatch):
    module = import_module("search.strategies.guided")
    monkeypatch.setattr(module, "_POPULATION", 60)
    monkeypatch.setattr(module, "_GENERATIONS", 10)


def crisp(job: Job) -> Outcome:
    """In units of its own, far from 0..1, and hardest to come by where networks are large: blocks of kernel 7 have it."""
    choices = NANO.space.indices([job.architecture])[0]
    return Outcome({"crispness": (300.0 + 20 * (choices % 6 == 4).sum(),), "heat": (float(choices.sum()),)}, 1.0)


def test_guided_learns_what_is_no_share(tmp_path, short_inner_search):
    crispness = Metric("crispness", "lines", "maximize")

    def volume(strategy: str, evaluations: int) -> float:
        asked = problem(evaluations, (Objective(crispness), WORK))
        found = run_search(asked, strategy, InlineWorkers(crisp), tmp_path / strategy).candidates
        return hypervolume(np.array([(-c.value(crispness), c.value(MACS)) for c in found]), np.array([-300.0, NANO.max_macs]))

    assert volume("guided", 30) > 1.02 * volume("random", 60)


def test_guided_needs_no_cheap_cost(tmp_path, short_inner_search):
    asked = problem(14, (Objective(Metric("crispness", "lines", "maximize")), Objective(Metric("heat", "degrees"))), ())
    found = run_search(asked, "guided", InlineWorkers(crisp), tmp_path)
    assert len(found.candidates) == 14 and {metric.name for metric in found.front[0].figures} == {"crispness", "heat"}


def test_judging_again_goes_to_the_right_sequences(tmp_path):
    workers = Watched(judge, 2)
    found = run_search(problem(), "random", workers, tmp_path, RESCORED)
    evaluated, again = workers.jobs[:12], workers.jobs[12:]
    assert {(job.sequences, job.calibration) for job in evaluated} == {(range(100, 104), 0)}
    shortlisted = [member for member in found.front if member.rescored]
    assert 3 < len(shortlisted) <= 8
    rescoring, calibrating = again[: len(shortlisted)], again[len(shortlisted) :]
    assert {(job.sequences, job.calibration) for job in rescoring} == {(range(200, 206), 0)}
    assert {job.architecture for job in rescoring} == {candidate.architecture for candidate in shortlisted}
    assert [(job.sequences, job.calibration) for job in calibrating] == [(range(100, 104), draw) for draw in (1, 2, 3)] * 3
    for candidate in shortlisted:
        assert candidate.rescored == judge(Job(candidate.architecture, range(200, 206))).scores
        assert candidate.accuracy(AO).value == pytest.approx(np.mean(candidate.rescored["ao"]))
    best = shortlisted[:3]
    draws = [[np.mean(judge(Job(each.architecture, range(100, 104), draw)).scores["ao"]) for draw in (1, 2, 3)] for each in best]
    assert [candidate for candidate in found.front if candidate.recalibrated] == best
    assert [each.recalibrated["ao"] for each in best] == [pytest.approx(means) for means in draws]
    assert found.calibration == pytest.approx(calibration_noise(draws)) and found.calibration > 0
    assert set(found.recommendation.differences) == {candidate.number for candidate in shortlisted}


@pytest.mark.parametrize("noted", [(), (template_latency(CHIP),)])
def test_the_front_is_measured_where_the_workers_say(tmp_path, noted):
    workers = Watched(judge, 2, factor=1.5)
    asked = problem(12, (OVERLAP, TIME), noted=noted)
    found = run_search(asked, "random", workers, tmp_path, SearchOptions(range(4), chips={"": CHIP}))
    assert all(member.is_measured(LATENCY) for member in found.front)
    measured = [candidate for candidate in found.candidates if candidate.is_measured(LATENCY)]
    assert sum(count for _, count in workers.devices) == len(measured) == found.verification.measured["latency_ms"]
    assert {device for device, _ in workers.devices} == {CHIP.profile.device}
    for candidate in measured:
        assert candidate.value(LATENCY) == pytest.approx(1.5 * CHIP.predict([candidate.architecture]).value[0])
    assert found.verification.corrected == {"latency_ms": pytest.approx(1.5)}
    # a new target was timed on the way, and is noted where the problem knows of it
    assert [candidate.figures[TEMPLATE].value for candidate in measured if noted] == [1.0] * len(measured) * len(noted)
    again = run_search(asked, "random", workers, tmp_path, SearchOptions(range(4), chips={"": CHIP}))
    assert again.front == found.front and sum(count for _, count in workers.devices) == len(measured)


def test_meanwhile_is_called_once_before_any_job_ends(tmp_path):
    workers, seen = Watched(judge), []
    run_search(problem(2), "random", workers, tmp_path, meanwhile=lambda: seen.append(len(workers.answered)))
    assert seen == [0]


@pytest.mark.parametrize(
    "asked, strategy, options, message",
    [
        (problem(), "guess", {}, "a strategy must be one of .*guided.*random.*, got 'guess'"),
        (problem(objectives=(OVERLAP,)), "random", {}, "got ao; add an objective of the other kind"),
        (problem(objectives=(WORK,)), "random", {}, "got macs; add an objective of the other kind"),
        (problem(), "random", {"chips": {"phone": CHIP}}, "latency the problem knows, 'phone' is none; note predicted_latency"),
        (problem(constraints=(Constraint(WORK, 1e6),)), "random", {}, "max_macs is .* more"),
    ],
)
def test_nonsense_is_refused_and_nothing_written(tmp_path, asked, strategy, options, message):
    with pytest.raises(ValueError, match=message):
        run_search(asked, strategy, InlineWorkers(judge), tmp_path / "study", SearchOptions(**options))
    assert not (tmp_path / "study").exists()


def test_a_front_that_no_measurement_leaves_within_limits_is_told(tmp_path):
    fastest = TIME.of(NANO.space.indices([NANO.space.make({label: values[0] for label, values in NANO.space.choices.items()})]))[0]
    asked = problem(4, (OVERLAP, TIME), (Constraint(TIME, 1.5 * fastest),))
    with pytest.raises(ValueError, match=r"must meet the limits by measurement, none of 4 does \(latency_ms: 3.000 times the prediction\)"):
        run_search(asked, "random", Watched(judge, factor=3.0), tmp_path, SearchOptions(range(4), chips={"": CHIP}))


LOSS_FIRST = Objective(LOSS)


def lossy(job: Job) -> Outcome:
    """Larger networks tend to a smaller loss, which differs from group to group; AO where there are sequences."""
    own = np.random.default_rng(int(job.architecture.key, 16)).normal()
    macs = WORK.of(NANO.space.indices([job.architecture]))[0] + 1e7 * own
    whims = [np.random.default_rng([int(job.architecture.key, 16), number]).normal() for number in job.pairs]
    scores = {"loss": tuple(float(1 - macs / 5e7 + 0.001 * whim) for whim in whims)}
    return Outcome(scores | ({"ao": (0.5,) * len(job.sequences)} if job.sequences else {}), 1.0)


ON_PAIRS = SearchOptions(range(0), range(200, 203), range(8), range(50, 58), recalibrate=True)


def test_candidates_are_judged_on_pairs_and_the_best_on_new_ones_and_on_sequences(tmp_path):
    workers = Watched(lossy, 2)
    found = run_search(problem(objectives=(LOSS_FIRST, WORK), scored=(AO,)), "random", workers, tmp_path, ON_PAIRS)
    asked = {(job.sequences, job.pairs, job.calibration) for job in workers.jobs}
    new = range(50, 58)  # for the shortlist with sequences, for references without
    assert asked == {(range(0), range(8), draw) for draw in range(4)} | {(range(200, 203), new, 0), (range(0), new, 0)}
    values = [member.value(LOSS) for member in found.front]
    assert values == sorted(values) and found.recommendation.best.value(LOSS) == min(c.value(LOSS) for c in found.candidates)
    assert "lowest loss on pairs on 8 further groups of pairs" in found.recommendation.why
    rescored = [member for member in found.front if member.rescored]
    assert rescored and all(member.figures[AO.found_again].value == 0.5 and AO not in member.figures for member in rescored)
    assert found.reliability is not None and found.reliability.halves > 0.95 and found.reliability.groups == 8


def test_new_pairs_that_are_harder_for_everybody_are_no_optimism(tmp_path):
    def harder(job: Job) -> Outcome:
        return Outcome(
            {"loss": tuple(score + 0.25 * (number >= 50) for score, number in zip(lossy(job).scores["loss"], job.pairs, strict=True))}, 1.0
        )

    found = run_search(problem(objectives=(LOSS_FIRST, WORK)), "random", Watched(harder), tmp_path, ON_PAIRS)
    assert found.references and not {c.number for c in found.references} & {member.number for member in found.front}
    assert {candidate.number for candidate in found.references} <= set(range(8))
    summary = summarise(found.front, found.recommendation, found.verification, found.rejected, len(found.candidates), found.references)
    assert summary["optimism"] == pytest.approx(0, abs=0.01) and summary["harder_data"] == pytest.approx(0.25, abs=0.01)
    alone = summarise(found.front, found.recommendation, found.verification, found.rejected, len(found.candidates))
    assert alone["optimism"] == pytest.approx(0.25, abs=0.01) and alone["harder_data"] is None


def test_luck_is_optimism(tmp_path):
    def lucky(job: Job) -> Outcome:
        whims = [np.random.default_rng([int(job.architecture.key, 16), number // 50]).normal() for number in job.pairs]
        return Outcome({"loss": tuple(map(float, whims))}, 1.0)

    found = run_search(problem(40, objectives=(LOSS_FIRST, WORK)), "random", Watched(lucky), tmp_path, ON_PAIRS)
    summary = summarise(found.front, found.recommendation, found.verification, found.rejected, len(found.candidates), found.references)
    assert summary["optimism"] > 0.4  # the best of forty are too good by more than a standard deviation, with others above the front


def test_reliability_is_told_early(tmp_path, capsys):
    run_search(problem(40), "random", InlineWorkers(judge), tmp_path, SearchOptions(range(6)))
    told = [line for line in capsys.readouterr().err.splitlines() if "rank 32 candidates" in line]
    assert len(told) == 1 and told[0].startswith("reliability of ao: two halves of its 6 scores rank 32 candidates alike by 0.")
