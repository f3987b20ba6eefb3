import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState

from search.judging.judge import Outcome
from search.metrics import Figure, Objective
from search.metrics.accuracy import AO, AUC
from search.metrics.counted import MACS, PARAMS, multiply_adds, parameters
from search.metrics.predicted import LATENCY, TEMPLATE
from search.problem.feasible import FeasibilityFilter
from search.problem.problem import Constraint, Problem
from search.strategies import STRATEGIES
from search.strategies.converged import SearchConverged
from search.study.storages.opening import optuna_storage
from search.study.study import Study, read_candidates
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
WORK = multiply_adds(NANO)
TIME = Objective(LATENCY, lambda choices: WORK.of(choices) / 1e6, lambda choices: np.full(len(choices), 0.5))
FIRST = Objective(TEMPLATE, lambda choices: np.full(len(choices), 2.0))


def open_study(folder, database=None, *, seed=0, limit=20e6, strategy="nsga2", slowest=100.0, noted=()) -> Study:
    anchor = NANO.architecture({label: values[0] for label, values in NANO.space.choices.items()})
    limits = (Constraint(WORK, limit), Constraint(TIME, slowest))
    problem = Problem(NANO, (Objective(AO), TIME, Objective(AUC)), limits, evaluations=48, noted=(parameters(NANO), *noted))
    feasible = FeasibilityFilter(problem, anchor)
    return Study(folder, problem, feasible, (strategy, STRATEGIES[strategy](feasible, seed)), database)


def outcome(arch) -> Outcome:
    ao = int(arch.key, 16) / 16**16
    return Outcome({"ao": (ao, ao / 2), "auc": (ao / 3, ao / 4)}, 1.5)


def run(study: Study, count: int) -> None:
    for _ in range(count):
        number, arch = study.ask()
        study.tell(number, outcome(arch))


@pytest.fixture(params=["journal", pytest.param("postgres", marks=pytest.mark.slow)])
def database(request):
    """Where a study is kept: None for a file, else a URL."""
    return None if request.param == "journal" else request.getfixturevalue("postgres").url


def test_a_candidate_comes_back_as_it_was_told(tmp_path, database):
    study = open_study(tmp_path, database, strategy="random")
    number, arch = study.ask()
    told = study.tell(number, Outcome({"ao": (0.2, 0.4), "auc": (0.1, 0.2)}, 1.5))
    study.close()
    (read,) = read_candidates(tmp_path)
    assert read == told
    assert read.architecture == arch
    choices = NANO.space.indices([arch])
    macs, params = WORK.of(choices)[0], parameters(NANO).of(choices)[0]
    assert {metric: (figure.value, figure.noise, figure.source) for metric, figure in read.figures.items()} == {
        AO: (pytest.approx(0.3), pytest.approx(0.1), "inherited weights"),
        AUC: (pytest.approx(0.15), pytest.approx(0.05), "inherited weights"),
        LATENCY: (macs / 1e6, 0.5, "predicted"),
        MACS: (macs, None, "counted"),
        PARAMS: (params, None, "counted"),
    }
    assert (read.number, read.feasible, read.seconds, read.strategy) == (0, True, 1.5, "random")
    assert read.scores == {"ao": (0.2, 0.4), "auc": (0.1, 0.2)}
    assert read.rescored == read.recalibrated == {} and not any(read.is_measured(metric) for metric in read.figures)


def test_what_is_found_later_is_noted(tmp_path, database):
    study = open_study(tmp_path, database, slowest=60.0, noted=(FIRST,))
    number, arch = study.ask()
    predicted = study.tell(number, outcome(arch)).value(LATENCY)
    study.note(number, "measured", {"latency_ms": 70.0})
    study.note(number, "measured", {"template_ms": 3.0})
    study.note(number, "rescored", {"ao": [0.1, 0.3], "auc": [0.2, 0.2]})
    study.note(number, "recalibrated", {"ao": [0.5, 0.6, 0.7]})
    (now,) = study.candidates()
    study.close()
    (read,) = read_candidates(tmp_path)
    again = open_study(tmp_path, slowest=60.0, noted=(FIRST,))
    assert now == read == again.candidates()[0]
    assert read.figures[LATENCY] == Figure(70.0, None, "measured", predicted)
    assert read.figures[TEMPLATE] == Figure(3.0, None, "measured", 2.0)
    assert not read.feasible
    assert read.figures[AO.found_again] == Figure(pytest.approx(0.2), pytest.approx(0.1), "inherited weights")
    assert read.rescored == {"ao": (0.1, 0.3), "auc": (0.2, 0.2)}
    assert read.recalibrated == {"ao": (0.5, 0.6, 0.7)}
    again.close()


@pytest.mark.parametrize("strategy", ["nsga2", "random"])
def test_a_study_that_is_opened_again_goes_on_as_if_nothing_had_happened(tmp_path, strategy):
    whole = open_study(tmp_path / "whole", strategy=strategy)
    broken = open_study(tmp_path / "broken", strategy=strategy)
    run(whole, 14)
    run(broken, 11)
    broken.ask()  # and is killed here
    broken.close()
    broken = open_study(tmp_path / "broken", strategy=strategy)
    run(broken, 3)
    assert broken.candidates() == whole.candidates()
    assert broken.rejected() == whole.rejected()
    assert [c.number for c in whole.candidates()] == list(range(14))
    assert lines(tmp_path / "broken") == lines(tmp_path / "whole")
    assert len({c.architecture.key for c in whole.candidates()}) == 14
    whole.close()
    broken.close()


def lines(folder) -> list[dict]:
    """A journal without clocks."""
    logs = [json.loads(line) for line in (folder / "journal.log").read_text().splitlines()]
    return [{name: content for name, content in log.items() if not name.startswith("datetime")} for log in logs]


@pytest.mark.parametrize("word", ["outcome", "error"])
def test_a_writer_that_died_on_its_last_word_is_understood(tmp_path, word):
    study = open_study(tmp_path)
    number, arch = study.ask()
    study.tell(number, outcome(arch)) if word == "outcome" else study.fail(number, "boom")
    study.close()
    journal = tmp_path / "journal.log"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))  # all but the state
    study = open_study(tmp_path)
    assert [c.architecture for c in study.candidates()] == ([arch] if word == "outcome" else [])
    assert study.failures() == ([] if word == "outcome" else ["boom"])
    assert study.ask()[0] == 1
    study.close()


def test_what_a_killed_writer_leaves_is_mended(tmp_path):
    study = open_study(tmp_path)
    run(study, 2)
    study.close()
    with (tmp_path / "journal.log").open("a") as journal:
        journal.write('{"op_code":8,"worker_' + "x" * 100_000)  # half a line
    os.symlink(tmp_path / "journal.log", tmp_path / "journal.log.lock")  # Optuna's lock, which it would wait for
    assert len(read_candidates(tmp_path)) == 2
    study = open_study(tmp_path)
    run(study, 1)
    assert len(read_candidates(tmp_path)) == 3
    study.close()


DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, ".")
from tests.test_study import open_study, outcome
study = open_study(Path(sys.argv[1]), sys.argv[2] or None)
while True:
    number, arch = study.ask()
    print(number, flush=True)
    study.tell(number, outcome(arch))
"""


def test_a_driver_that_is_killed_loses_and_repeats_nothing(tmp_path, database):
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, tmp_path / "broken", database or ""], stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    )
    assert driver.stdout
    with driver.stdout as numbers:
        while int(next(numbers)) < 12:
            pass
        driver.send_signal(signal.SIGKILL)
    driver.wait()
    study = open_study(tmp_path / "broken")
    finished = len(study.candidates())
    assert finished >= 12
    run(study, 10)
    whole = open_study(tmp_path / "whole")
    run(whole, len(study.candidates()))
    assert study.candidates() == read_candidates(tmp_path / "broken") == whole.candidates()
    study.close()
    whole.close()


def test_one_writer_at_a_time(tmp_path, database):
    study = open_study(tmp_path, database)
    with pytest.raises(BlockingIOError, match="one writer"):
        open_study(tmp_path, database)
    run(study, 1)
    study.close()
    open_study(tmp_path, database).close()


@given(st.permutations(range(5)), st.sets(st.integers(0, 4)))
def test_trials_end_in_any_order(tmp_path_factory, order, failing):
    folder = tmp_path_factory.mktemp("study")
    study = open_study(folder, strategy="random")
    asked = dict(study.ask() for _ in order)
    for number in order:
        study.fail(number, f"boom {number}") if number in failing else study.tell(number, outcome(asked[number]))
    told = study.candidates()
    study.close()
    assert read_candidates(folder) == told
    assert [(c.number, c.architecture) for c in told] == [(n, arch) for n, arch in asked.items() if n not in failing]
    again = open_study(folder, strategy="random")
    assert again.candidates() == told
    assert again.failures() == [f"boom {number}" for number in sorted(failing)]
    again.close()


def test_several_open_trials_of_a_dead_run_come_first(tmp_path):
    study = open_study(tmp_path)
    asked = [study.ask() for _ in range(4)]
    study.tell(2, outcome(asked[2][1]))
    study.close()
    study = open_study(tmp_path)
    assert [study.ask() for _ in range(3)] == [asked[0], asked[1], asked[3]]
    assert study.ask()[0] == 4
    study.close()


def test_failed_evaluations_are_remembered_and_not_repeated(tmp_path, database):
    study = open_study(tmp_path, database)
    number, arch = study.ask()
    study.fail(number, "boom")
    study.close()
    study = open_study(tmp_path)
    assert study.failures() == ["boom"]
    assert study.candidates() == read_candidates(tmp_path) == []
    assert study.ask()[1] != arch
    study.close()


def test_rejected_samples_are_counted(tmp_path):
    study = open_study(tmp_path, limit=7e6)
    run(study, 5)
    rejected = study.rejected()
    assert rejected["max_macs"] > 5
    study.close()
    study = open_study(tmp_path, limit=7e6)
    assert study.rejected() == rejected
    study.close()


def test_a_trial_ends_once(tmp_path):
    study = open_study(tmp_path)
    number, arch = study.ask()
    study.tell(number, outcome(arch))
    for other in (number, 7):
        with pytest.raises(ValueError, match="not running"):
            study.tell(other, outcome(arch))
    study.close()


def test_a_strategy_that_has_enough_is_not_asked_again(tmp_path, monkeypatch):
    study = open_study(tmp_path)
    number, arch = study.ask()

    def enough(self, *_):
        raise SearchConverged("the expected gain is 0")

    with monkeypatch.context() as patch:
        patch.setattr(study._memory.sampler.__class__, "sample_relative", enough)
        with pytest.raises(SearchConverged, match="expected gain"):
            study.ask()
    with pytest.raises(SearchConverged, match="expected gain"):
        study.ask()
    study.tell(number, outcome(arch))
    study.close()
    study = open_study(tmp_path)  # which may see more in it
    assert study.ask()[0] == 1
    study.close()


def test_optuna_reads_the_study(tmp_path, database, recwarn):
    study = open_study(tmp_path, database, strategy="nsga2")
    run(study, 12)
    number, _ = study.ask()
    study.fail(number, "boom")
    study.ask()
    memory = study._memory.get_trials()
    study.close()
    storage = optuna_storage(tmp_path)
    (found,) = storage.get_all_studies()
    theirs = optuna.load_study(study_name=found.study_name, storage=storage)
    assert theirs.metric_names == ["ao", "latency_ms", "auc"]
    assert [direction.name for direction in theirs.directions] == ["MAXIMIZE", "MINIMIZE", "MAXIMIZE"]
    trials = theirs.get_trials()
    assert Counter(trial.state for trial in trials) == {TrialState.COMPLETE: 12, TrialState.FAIL: 1, TrialState.RUNNING: 1}
    for ours, trial in zip(memory, trials, strict=True):
        assert (ours.number, ours.state, ours.values, ours.params) == (trial.number, trial.state, trial.values, trial.params)
        assert (ours.distributions, ours.user_attrs) == (trial.distributions, trial.user_attrs)
        assert ours.constraints.items() <= trial.constraints.items() and set(ours.constraints) == {"max_macs", "max_latency"}
        assert trial._system_attrs == ours._system_attrs | {"constraints": list(ours.constraints.values())}  # for optuna-dashboard
    assert {trial.number for trial in theirs.best_trials} <= set(range(12))
    assert not recwarn.list
    storage.remove_session()


def test_no_study_is_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="journal.log"):
        read_candidates(tmp_path)
    (tmp_path / "journal.log").touch()
    with pytest.raises(ValueError, match="something else"):
        read_candidates(tmp_path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: [*lines[:4], b"garbage\n", *lines[4:]],
        lambda lines: [*lines[:4], b"[1]\n", *lines[4:]],
        lambda lines: [line for line in lines if not line.startswith(b'{"op_code":4')],  # ends of trials that never began
        lambda lines: [line.replace(b'"scores"', b'"marks"') for line in lines],
        lambda lines: [line.replace(b'"back.1.0":', b'"back.9.0":') for line in lines],
        lambda lines: [line.replace(b'"state":1', b'"state":77') for line in lines],
        lambda lines: [b"\xff\xfe" + line for line in lines],
    ],
)
def test_a_journal_that_is_not_as_it_was_written_is_one_line(tmp_path, spoil):
    study = open_study(tmp_path)
    run(study, 3)
    study.close()
    journal = tmp_path / "journal.log"
    before = journal.read_bytes()
    journal.write_bytes(b"".join(spoil(before.splitlines(keepends=True))))
    assert journal.read_bytes() != before
    for attempt in (lambda: read_candidates(tmp_path), lambda: open_study(tmp_path)):
        with pytest.raises(ValueError, match="a study must") as refusal:
            attempt()
        assert "\n" not in str(refusal.value)
