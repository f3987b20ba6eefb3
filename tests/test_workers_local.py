import os
import signal
from multiprocessing import resource_tracker

import numpy as np
import pytest

from search.judging.judge import Job, Outcome
from search.workers.local import LocalWorkers
from supernet.families import FAMILIES

ARCH = FAMILIES["nano"].space.sample(np.random.default_rng(0))


def telling_judge():
    return lambda job: Outcome({"ao": (float(os.getpid()),)}, 0.0)


def test_workers_do_not_hear_ctrl_c():
    resource_tracker._resource_tracker._stop()  # as in a process that starts its first worker
    workers = LocalWorkers(1, telling_judge)
    (worker,) = workers._starting
    try:
        assert worker.process.pid
        os.kill(worker.process.pid, signal.SIGINT)  # while it still imports
        workers.submit(0, Job(ARCH, range(1)))
        number, outcome = workers.next()
        assert isinstance(outcome, Outcome) and (number, outcome.scores["ao"]) == (0, (worker.process.pid,))
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
    finally:
        workers.close()


def test_a_worker_that_is_killed_at_any_stage_is_replaced_and_no_answer_is_waited_for():
    workers = LocalWorkers(1, telling_judge)

    def judged(number):
        workers.submit(number, Job(ARCH, range(1)))
        told, outcome = workers.next()
        assert isinstance(outcome, Outcome) and told == number
        return outcome.scores["ao"][0]

    try:
        (starting,) = workers._starting
        starting.process.kill()
        second = judged(0)
        assert second != starting.process.pid
        (idle,) = workers._idle
        idle.process.kill()
        idle.process.join()
        third = judged(1)
        assert third != second == idle.process.pid
        workers.submit(2, Job(ARCH, range(1)))
        (done,) = workers._busy
        assert done.connection.poll(60)  # it has answered
        done.process.kill()
        done.process.join()
        number, outcome = workers.next()
        assert isinstance(outcome, Outcome) and (number, outcome.scores["ao"]) == (2, (third,))
    finally:
        workers.close()
    assert not done.process.is_alive()


class Unmade:
    """Can be pickled, but not be made again."""

    def __reduce__(self):
        return _raise, ("x" * 1000,)

    def __call__(self):
        raise NotImplementedError


def _raise(text):
    raise ModuleNotFoundError(f"no module {text}")


def test_a_judge_that_cannot_be_made_again_in_a_worker_is_told_in_one_short_line():
    workers = LocalWorkers(1, Unmade())
    try:
        workers.submit(0, Job(ARCH, range(1)))
        with pytest.raises(ChildProcessError, match="^a worker could not be started: ModuleNotFoundError: no module x+ ... x+$") as raised:
            workers.next()
        assert len(str(raised.value)) < 400
    finally:
        workers.close()
