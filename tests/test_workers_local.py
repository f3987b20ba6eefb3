import os
import signal
import time
from multiprocessing import resource_tracker

import numpy as np
import pytest

from search.workers import WORKERS
from search.workers.jobs import Job, JobFailed, Outcome
from search.workers.local import LocalWorkers
from supernet.families import FAMILIES

ARCH = FAMILIES["nano"].space.sample(np.random.default_rng(0))


def slow_judge():
    """Answers with the first seed and its own process id; the number of seeds is the time to take, in tenths of a second."""

    def judge(job: Job) -> Outcome:
        time.sleep(len(job.seeds) / 10)
        return Outcome((float(job.seeds.start), float(os.getpid())), 0.0)

    return judge


def failing_judge():
    def judge(job: Job) -> Outcome:
        if job.seeds.start == 13:
            raise ArithmeticError("unlucky")
        if job.seeds.start == 666:
            os.kill(os.getpid(), signal.SIGKILL)
        return Outcome((0.0,), 0.0)

    return judge


def broken_judge():
    raise FileNotFoundError("no supernet")


def test_a_killed_worker_is_replaced_and_no_job_lost_or_doubled():
    workers = LocalWorkers(2, slow_judge)
    for number in range(4):
        workers.submit(number, Job(ARCH, range(number, number + 3)))
    number, first = workers.next()
    assert isinstance(first, Outcome)
    workers.submit(4, Job(ARCH, range(4, 7)))  # whoever has just finished takes another job
    victim = next(worker.process.pid for worker in workers._workers if worker.task)
    os.kill(victim, signal.SIGKILL)
    later = dict(workers.next() for _ in range(4))
    workers.close()
    assert {number: result.sequence_ao[0] for number, result in {number: first, **later}.items()} == {n: n for n in range(5)}
    assert victim not in [result.sequence_ao[1] for result in later.values()]


def test_errors_and_deadly_jobs_are_answers():
    workers = LocalWorkers(1, failing_judge)
    for number, seed in enumerate((13, 666, 1)):
        workers.submit(number, Job(ARCH, range(seed, seed + 1)))
    results = dict(workers.next() for _ in range(3))
    workers.close()
    assert isinstance(results[0], JobFailed) and "unlucky" in str(results[0])
    assert isinstance(results[1], JobFailed) and "were killed by" in str(results[1])
    assert isinstance(results[2], Outcome)


def test_workers_that_cannot_start_say_why():
    workers = LocalWorkers(1, broken_judge)
    workers.submit(0, Job(ARCH, range(1)))
    with pytest.raises(ChildProcessError, match="no supernet"):
        workers.next()
    workers.close()


@pytest.mark.parametrize("kind", WORKERS)
@pytest.mark.parametrize("place", ["", "0", "-1", "many"])
def test_nonsense_places_are_refused(kind, place):
    with pytest.raises(ValueError, match="got"):
        WORKERS[kind](place, slow_judge)


def test_workers_do_not_hear_ctrl_c():
    resource_tracker._resource_tracker._stop()  # as in a process that starts its first worker
    workers = LocalWorkers(1, slow_judge)
    process = workers._workers[0].process
    try:
        assert process.pid
        os.kill(process.pid, signal.SIGINT)  # while it still imports
        workers.submit(0, Job(ARCH, range(1)))
        number, outcome = workers.next()
        assert isinstance(outcome, Outcome) and (number, outcome.sequence_ao[1]) == (0, process.pid)
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
    finally:
        workers.close()
