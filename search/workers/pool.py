"""What all kinds of workers share: who does which job, who has died, and when a job is given up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from search.judging.judge import Job, Judge, MakeJudge, Outcome
from search.workers.workers import Answer, JobFailed

_LIVES = 3
"""A job that takes this many workers down is given up."""


class WorkerDied(Exception):
    """A worker is gone; the text says how."""


class Worker(Protocol):
    """One process that judges. It answers once unasked, when its judge is built, and then once for each job."""

    def send(self, job: Job) -> None:
        """Hand it a job; whether it is still there shows when its answer is taken."""
        ...

    def receive(self) -> Outcome | JobFailed | None:
        """Take its answer; the first is None, or says why the judge could not be built.

        Raises:
            WorkerDied: There will be none.
        """
        ...

    def kill(self) -> None:
        """End it at once, whatever it does."""
        ...


AnyWorker = TypeVar("AnyWorker", bound=Worker)


class Pool(ABC, Generic[AnyWorker]):
    """`Workers` but for how one of them is started and heard."""

    def __init__(self, count: int):
        self.count = count
        self._waiting: deque[tuple[int, Job]] = deque()
        self._deaths: Counter[int] = Counter()
        self._stillborn = 0
        self._idle: deque[AnyWorker] = deque()
        self._busy: dict[AnyWorker, tuple[int, Job]] = {}
        self._starting = [self._start() for _ in range(count)]

    @abstractmethod
    def _start(self) -> AnyWorker:
        """Start a worker and let it build its judge."""

    @abstractmethod
    def _speaker(self, workers: Sequence[AnyWorker]) -> AnyWorker:
        """Wait for the first of some workers that has an answer or is gone; of several, the one that stands first."""

    def submit(self, number: int, job: Job) -> None:
        self._waiting.append((number, job))
        self._assign()

    def next(self) -> tuple[int, Outcome | JobFailed]:
        assert self._waiting or self._busy, "no job is under way"
        while True:
            self._assign()
            result = self._hear(self._speaker([*self._starting, *self._busy]))
            if result is not None:
                return result

    def on_device(self, device: str, measure: Callable[[], Answer]) -> Answer:
        assert not self._waiting and not self._busy, "jobs are under way"
        return measure()

    def close(self) -> None:
        for worker in (*self._starting, *self._idle, *self._busy):
            worker.kill()
        self._starting, self._idle, self._busy = [], deque(), {}

    def _assign(self) -> None:
        while self._waiting and self._idle:
            worker = self._idle.popleft()
            self._busy[worker] = self._waiting.popleft()
            worker.send(self._busy[worker][1])

    def _hear(self, worker: AnyWorker) -> tuple[int, Outcome | JobFailed] | None:
        """Take one answer, or replace a worker that has died; None where no job was finished by that."""
        try:
            answer = worker.receive()
        except WorkerDied as death:
            return self._replace(worker, death)
        if worker in self._starting and answer is not None:
            raise ChildProcessError(f"a worker could not be started: {answer}")
        self._idle.append(worker)
        if worker in self._starting:
            self._starting.remove(worker)
            self._stillborn = 0
            return None
        assert answer is not None
        return self._busy.pop(worker)[0], answer

    def _replace(self, worker: AnyWorker, death: WorkerDied) -> tuple[int, JobFailed] | None:
        worker.kill()
        if worker in self._starting:
            self._starting.remove(worker)
            self._stillborn += 1
            if self._stillborn >= _LIVES:
                raise ChildProcessError(f"workers end before they are ready ({death}); is there enough memory?")
            self._starting.append(self._start())
            return None
        number, job = self._busy.pop(worker)
        self._starting.append(self._start())
        self._deaths[number] += 1
        if self._deaths[number] >= _LIVES:
            return number, JobFailed(f"{_LIVES} workers were killed by {job.architecture.name} ({death})")
        self._waiting.appendleft((number, job))
        return None


class Bench:
    """What the process of a worker holds: a judge, one thread, and errors told in one line."""

    _judge: Judge

    def build(self, make: MakeJudge) -> JobFailed | None:
        """Make the judge; says why it could not be made."""
        try:
            _one_thread()
            self._judge = make()
        except Exception as err:
            return JobFailed.of(err)

    def judge(self, job: Job) -> Outcome | JobFailed:
        """Do one job."""
        try:
            return self._judge(job)
        except Exception as err:
            return JobFailed.of(err)


def _one_thread() -> None:
    import torch

    from tracking.images import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
