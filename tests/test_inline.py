import numpy as np
import pytest

from search.judging.judge import Job, Outcome
from search.workers.inline import InlineWorkers
from search.workers.workers import JobFailed
from supernet.families import FAMILIES

ARCH = FAMILIES["nano"].space.sample(np.random.default_rng(0))


def job(seconds: int) -> Job:
    return Job(ARCH, range(seconds))


def judge(task: Job) -> Outcome:
    """Takes a second for each sequence."""
    if len(task.sequences) == 13:
        raise ArithmeticError("un-\nlucky")
    return Outcome({"ao": (0.5,) * len(task.sequences)}, float(len(task.sequences)))


@pytest.mark.parametrize(
    "count, seconds, finished",
    [
        (1, (3, 1, 1), [(0, 3), (1, 4), (2, 5)]),  # one after the other
        (2, (3, 1, 1), [(1, 1), (2, 2), (0, 3)]),  # the worked example of the module
        (3, (3, 1, 1), [(1, 1), (2, 1), (0, 3)]),  # at the same time: the lower number first
        (9, (3, 1, 1), [(1, 1), (2, 1), (0, 3)]),  # more workers than jobs
    ],
)
def test_jobs_come_back_when_they_would_end(count, seconds, finished):
    workers = InlineWorkers(judge, count)
    for number, each in enumerate(seconds):
        workers.submit(number, job(each))
    assert [(workers.next()[0], workers.clock_s) for _ in seconds] == finished


def test_a_job_begins_when_it_is_submitted():
    workers = InlineWorkers(judge, 2)
    workers.submit(0, job(5))
    workers.submit(1, job(2))
    assert workers.next()[0] == 1
    workers.submit(2, job(2))  # at 2 seconds: ends at 4
    workers.submit(3, job(2))  # begins at 4
    assert [(workers.next()[0], workers.clock_s) for _ in range(3)] == [(2, 4), (0, 5), (3, 6)]


def test_errors_are_answers_of_one_line():
    workers = InlineWorkers(judge)
    workers.submit(0, job(13))
    workers.submit(1, job(2))
    (_, raised), (_, outcome) = workers.next(), workers.next()
    assert isinstance(raised, JobFailed) and str(raised) == "ArithmeticError: un- lucky"
    assert outcome == Outcome({"ao": (0.5, 0.5)}, 2.0) and workers.clock_s == 2


def test_what_stops_a_program_stops_a_job():
    def interrupted(task: Job) -> Outcome:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        InlineWorkers(interrupted).submit(0, job(1))


def test_closed_workers_have_nothing_to_do():
    workers = InlineWorkers(judge)
    workers.submit(0, job(3))
    workers.submit(1, job(3))
    workers.close()
    workers.submit(2, job(1))
    assert workers.next()[0] == 2


def test_devices_are_measured_here():
    assert InlineWorkers(judge).on_device("adb://serial", lambda: 7) == 7
