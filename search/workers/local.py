"""Worker processes on this machine, one thread each, every one with a judge of its own.

A killed worker (out of memory, kill -9) is noticed at once, replaced, and its job given to the next free one.
"""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections import Counter, deque
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from search.workers.jobs import Job, JobFailed, MakeJudge, Outcome

_MOST = 256
"""Workers; more than any machine that this is for has cores."""
_LIVES = 3
"""A job that takes this many workers down is given up."""
_READY = -1
"""Stands for the job's number in the message of a worker that has built its judge."""


def local_workers(place: str, make: MakeJudge) -> LocalWorkers:
    """Start workers from what follows `local:`.

    Raises:
        ValueError: It is not a positive number.
    """
    if not place.isdecimal() or not 1 <= int(place) <= _MOST:
        raise ValueError(f"local workers need a positive number up to {_MOST}, got {place!r}; write for example local:2")
    return LocalWorkers(int(place), make)


@dataclass
class _Worker:
    process: SpawnProcess
    connection: Connection
    task: tuple[int, Job] | None = None
    ready: bool = False


class LocalWorkers:
    """`Workers` as child processes. They ignore Ctrl-C, which is the caller's, and end when the caller does."""

    def __init__(self, count: int, make: MakeJudge):
        self.count = count
        self._make = make
        self._waiting: deque[tuple[int, Job]] = deque()
        self._deaths: Counter[int] = Counter()
        self._workers = [self._start() for _ in range(count)]

    def submit(self, number: int, job: Job) -> None:
        self._waiting.append((number, job))
        self._assign()

    def next(self) -> tuple[int, Outcome | JobFailed]:
        assert self._waiting or any(worker.task for worker in self._workers), "no job is under way"
        while True:
            self._assign()
            for connection in wait([worker.connection for worker in self._workers]):
                worker = next(worker for worker in self._workers if worker.connection is connection)
                result = self._receive(worker)
                if result is not None:
                    return result

    def close(self) -> None:
        for worker in self._workers:
            worker.connection.close()
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
        self._workers = []

    def _start(self) -> _Worker:
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
        return _Worker(process, ours)

    def _assign(self) -> None:
        for worker in self._workers:
            if self._waiting and worker.task is None and worker.ready:
                worker.task = self._waiting.popleft()
                try:
                    worker.connection.send(worker.task)
                except OSError:  # it died while idle; `next` will see that and replace it
                    pass

    def _receive(self, worker: _Worker) -> tuple[int, Outcome | JobFailed] | None:
        """Take one message, or replace a worker that has died; None where no job was finished by that."""
        try:
            number, answer = worker.connection.recv()
        except (EOFError, OSError):
            return self._replace(worker)
        if number == _READY:
            if answer is not None:
                raise ChildProcessError(f"a worker could not be started: {answer}")
            worker.ready = True
            return None
        worker.task = None
        return number, answer

    def _replace(self, worker: _Worker) -> tuple[int, JobFailed] | None:
        worker.process.join()
        worker.connection.close()
        task = worker.task
        if task is None and not worker.ready:
            self._deaths[_READY] += 1
            if self._deaths[_READY] >= _LIVES:
                raise ChildProcessError(
                    f"workers end before they are ready (exit status {worker.process.exitcode}); is there enough memory?"
                )
        self._workers[self._workers.index(worker)] = self._start()
        if task is None:
            return None
        self._deaths[task[0]] += 1
        if self._deaths[task[0]] >= _LIVES:
            return task[0], JobFailed(
                f"{_LIVES} workers were killed by {task[1].architecture.name} (exit status {worker.process.exitcode})"
            )
        self._waiting.appendleft(task)
        return None


def _serve(connection: Connection, make: MakeJudge) -> None:
    """The life of a worker: build the judge, then answer jobs until the other end is gone."""
    try:
        _one_thread()
        judge = make()
    except Exception as err:
        connection.send((_READY, _line(err)))
        return
    try:
        connection.send((_READY, None))
        while True:
            number, job = connection.recv()
            try:
                answer = judge(job)
            except Exception as err:
                answer = JobFailed(_line(err))
            connection.send((number, answer))
    except (EOFError, OSError):
        return


def _one_thread() -> None:
    import torch

    from tracking.images import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _line(err: Exception) -> str:
    return "".join(traceback.format_exception_only(err)).strip()
