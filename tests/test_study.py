import os
from functools import partial

import numpy as np
import pytest

from search.feasible import FeasibleSampler, Gate
from search.objectives import ACCURACY, Constraint, Objective, multiply_adds
from search.strategies import STRATEGIES
from search.study import Study, read_candidates
from search.workers.jobs import Outcome
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
MACS = multiply_adds(NANO)
LATENCY = Objective("latency_ms", "ms", "minimize", "predicted", lambda archs: MACS.of(archs) / 1e6, lambda archs: np.full(len(archs), 0.5))


def open_study(folder, seed: int = 0, limit: float = 20e6) -> Study:
    anchor = NANO.architecture({label: values[0] for label, values in NANO.space.choices.items()})
    gate = Gate(NANO.space, [Constraint(MACS, limit)], anchor)
    sampler = FeasibleSampler(partial(STRATEGIES["nsga2"], NANO.space, 20), gate, seed)
    return Study(folder, [ACCURACY, LATENCY], gate, sampler)


def outcome(arch) -> Outcome:
    ao = int(arch.key, 16) / 16**16
    return Outcome((ao, ao / 2), 1.5)


def run(study: Study, count: int) -> None:
    for _ in range(count):
        number, arch = study.ask()
        study.tell(number, arch, outcome(arch))


def test_a_candidate_comes_back_as_it_was_told(tmp_path):
    study = open_study(tmp_path)
    number, arch = study.ask()
    told = study.tell(number, arch, Outcome((0.2, 0.4), 1.5))
    study.rescored(number, [0.1, 0.3, 0.2])
    study.close()
    (read,) = read_candidates(tmp_path)
    assert read.architecture == told.architecture == arch
    assert told.values == {"ao": pytest.approx(0.3), "latency_ms": MACS.of([arch])[0] / 1e6, "macs": MACS.of([arch])[0]}
    assert told.sources == {"ao": "inherited weights", "latency_ms": "predicted", "macs": "counted"}
    assert told.noise == {"ao": pytest.approx(0.1), "latency_ms": 0.5}
    assert (read.feasible, read.sequence_ao, read.seconds) == (True, (0.2, 0.4), 1.5)
    assert read.values["ao_rescored"] == pytest.approx(0.2)
    assert read.rescored_ao == (0.1, 0.3, 0.2)


def test_a_dead_run_is_continued_as_if_it_had_never_stopped(tmp_path):
    whole = open_study(tmp_path / "whole")
    run(whole, 14)
    broken = open_study(tmp_path / "broken")
    run(broken, 11)
    broken.ask()  # and is killed here
    broken.close()
    resumed = open_study(tmp_path / "broken")
    run(resumed, 3)
    assert [c.architecture for c in resumed.candidates()] == [c.architecture for c in whole.candidates()]
    assert len({c.architecture.key for c in resumed.candidates()}) == 14


def test_what_a_killed_writer_leaves_is_mended(tmp_path):
    study = open_study(tmp_path)
    run(study, 2)
    study.close()
    with (tmp_path / "journal.log").open("a") as journal:
        journal.write('{"op_code": 5, "worker_')  # half a line
    os.symlink(tmp_path / "journal.log", tmp_path / "journal.log.lock")  # Optuna's lock, which it would wait for
    study = open_study(tmp_path)
    run(study, 1)
    assert len(read_candidates(tmp_path)) == 3


def test_one_writer_at_a_time(tmp_path):
    study = open_study(tmp_path)
    with pytest.raises(BlockingIOError, match="one writer"):
        open_study(tmp_path)
    study.close()
    open_study(tmp_path).close()


def test_failed_evaluations_are_remembered_and_not_repeated(tmp_path):
    study = open_study(tmp_path)
    number, arch = study.ask()
    study.fail(number, "boom")
    study.close()
    study = open_study(tmp_path)
    assert study.failures() == ["boom"]
    assert study.candidates() == []
    assert study.ask()[1] != arch


def test_rejected_samples_are_counted(tmp_path):
    study = open_study(tmp_path, limit=7e6)
    run(study, 5)
    assert study.rejected()["max_macs"] > 5


def test_no_study_is_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="journal.log"):
        read_candidates(tmp_path)
