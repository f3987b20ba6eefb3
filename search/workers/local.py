"""Workers as processes on this machine; each has one thread and a judge of its own.

A worker that is killed (out of memory, kill -9) is noticed at once and replaced, and its job is given to the next free worker.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from search.judging.judge import Job, MakeJudge, Outcome
from search.workers.pool import Bench, Pool, WorkerDied
from search.workers.workers import JobFailed
from tracking.spawned import spawn

_MOST = 256
"""Most workers that may be started; few machines have more cores."""

_END_S = 5
"""Seconds that a worker may take to end after it has closed its connection."""


def local_workers(count: str, make: MakeJudge) -> LocalWorkers:
    """Start worker processes on this machine.

    Args:
        count: The text after `local:`, which is the number of workers.
        make: Function that makes a judge; must be picklable.

    Raises:
        ValueError: The text is not a whole number from 1 to 256.
    """
    if not count.isdecimal() or not 1 <= int(count) <= _MOST:
        raise ValueError(f"local workers need a positive number up to {_MOST}, got {count!r}; write for example local:2")
    return LocalWorkers(int(count), make)


class _Process:
    """A `Worker` that is a child process."""

    def __init__(self, process: SpawnProcess, connection: Connection):
        self.process = process
        self.connection = connection

    def send(self, job: Job) -> None:
        try:
            self.connection.send(job)
        except OSError:  # the process died while idle, which `receive` reports
            pass

    def receive(self) -> Outcome | JobFailed | None:
        try:
            return self.connection.recv()
        except (EOFError, OSError) as err:
            self.process.join(_END_S)
            raise WorkerDied(f"exit status {self.process.exitcode}") from err

    def kill(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


class LocalWorkers(Pool[_Process]):
    """`Workers` that are child processes. They ignore Ctrl-C, which the calling process handles, and end when that process ends."""

    def __init__(self, count: int, make: MakeJudge):
        self._make = make
        super().__init__(count)

    def _start(self) -> _Process:
        return _Process(*spawn(_serve, pickle.dumps(self._make)))

    def _first_ready(self, workers: Sequence[_Process]) -> _Process:
        ready = wait([worker.connection for worker in workers])
        return next(worker for worker in workers if worker.connection in ready)


def _serve(connection: Connection, make: bytes) -> None:
    """Run a worker: build the judge with a pickled function, then answer jobs until the connection is closed."""
    bench = Bench()
    try:
        connection.send(bench.build(lambda: pickle.loads(make)()))  # an error of unpickling is answered as well
        while True:
            connection.send(bench.judge(connection.recv()))
    except (EOFError, OSError):
        return
