"""Worker processes on this machine, one thread each, every one with a judge of its own.

A killed worker (out of memory, kill -9) is noticed at once, replaced, and its job given to the next free one.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from search.judging.judge import Job, MakeJudge, Outcome
from search.workers.pool import Bench, Pool, WorkerDied
from search.workers.workers import JobFailed

_MOST = 256
"""Workers; more than any machine that this is for has cores."""


def local_workers(place: str, make: MakeJudge) -> LocalWorkers:
    """Start workers from what follows `local:`.

    Raises:
        ValueError: It is not a positive number.
    """
    if not place.isdecimal() or not 1 <= int(place) <= _MOST:
        raise ValueError(f"local workers need a positive number up to {_MOST}, got {place!r}; write for example local:2")
    return LocalWorkers(int(place), make)


class _Process:
    """`Worker` as a child process."""

    def __init__(self, process: SpawnProcess, connection: Connection):
        self.process = process
        self.connection = connection

    def send(self, job: Job) -> None:
        try:
            self.connection.send(job)
        except OSError:  # it died while idle
            pass

    def receive(self) -> Outcome | JobFailed | None:
        try:
            return self.connection.recv()
        except (EOFError, OSError) as err:
            self.process.join()
            raise WorkerDied(f"exit status {self.process.exitcode}") from err

    def kill(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


class LocalWorkers(Pool[_Process]):
    """`Workers` as child processes. They ignore Ctrl-C, which is the caller's, and end when the caller does."""

    def __init__(self, count: int, make: MakeJudge):
        self._make = make
        super().__init__(count)

    def _start(self) -> _Process:
        context = multiprocessing.get_context("spawn")  # forking a process that has used torch's threads may hang
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._make), daemon=True)
        resource_tracker.ensure_running()  # starting it by the way would lift the mask
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a child inherits this: Ctrl-C finds it deaf from the start
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()  # else the end of the child would not be seen
        return _Process(process, ours)

    def _speaker(self, workers: Sequence[_Process]) -> _Process:
        ready = wait([worker.connection for worker in workers])
        return next(worker for worker in workers if worker.connection in ready)


def _serve(connection: Connection, make: MakeJudge) -> None:
    """The life of a worker: build the judge, then answer jobs until the other end is gone."""
    bench = Bench()
    try:
        connection.send(bench.build(make))
        while True:
            connection.send(bench.judge(connection.recv()))
    except (EOFError, OSError):
        return
