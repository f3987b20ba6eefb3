import os
import signal
from multiprocessing import resource_tracker

import numpy as np

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
