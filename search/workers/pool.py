"""What all kinds of workers share: assigning jobs, replacing workers that have died, and giving up jobs that kill workers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from search.judging.judge import Job, Judge, MakeJudge, Outcome
from search.workers.workers import Answer, JobFailed

_MOST_DEATHS = 3
"""A job that kills this many workers is given up; so are workers of which this many in succession end before they are ready."""


class WorkerDied(Exception):
    """A worker has died; the message says how."""


class Worker(Protocol):
    """One process or actor that judges. It answers once unasked, when its judge is built, and then once for each job."""

    def send(self, job: Job) -> None:
        """Give the worker a job. If it has died, that shows only when its answer is received."""
        ...

    def receive(self) -> Outcome | JobFailed | None:
        """Receive the worker's answer. The first one is None, or says why the judge could not be built.

        Raises:
            WorkerDied: The worker has died, so there will be no answer.
        """
        ...

    def kill(self) -> None:
        """End the worker at once, whatever it is doing."""
        ...


AnyWorker = TypeVar("AnyWorker", bound=Worker)


class Pool(ABC, Generic[AnyWorker]):
    """`Workers` except for how a worker is started and how its answers are awaited, which depends on the kind of workers."""

    def __init__(self, count: int):
        self.count = count
        self._waiting: deque[tuple[int, Job]] = deque()
        self._deaths: Counter[int] = Counter()
        self._failed_starts = 0
        self._idle: deque[AnyWorker] = deque()
        self._busy: dict[AnyWorker, tuple[int, Job]] = {}
        self._starting = [self._start() for _ in range(count)]

    @abstractmethod
    def _start(self) -> AnyWorker:
        """Start a worker and let it build its judge."""

    @abstractmethod
    def _first_ready(self, workers: Sequence[AnyWorker]) -> AnyWorker:
        """Wait until one of some workers has an answer or has died, and return it; of several, the one that stands first."""

    def submit(self, number: int, job: Job) -> None:
        self._waiting.append((number, job))
        self._assign()

    def next(self) -> tuple[int, Outcome | JobFailed]:
        assert self._waiting or self._busy, "no job is under way"
        while True:
            self._assign()
            result = self._take_answer(self._first_ready([*self._starting, *self._busy]))
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

    def _take_answer(self, worker: AnyWorker) -> tuple[int, Outcome | JobFailed] | None:
        """Take a worker's answer, or replace the worker if it has died; returns None if this finished no job."""
        try:
            answer = worker.receive()
        except WorkerDied as death:
            return self._replace(worker, death)
        if worker in self._starting and answer is not None:
            raise ChildProcessError(f"a worker could not be started: {answer}")
        self._idle.append(worker)
        if worker in self._starting:
            self._starting.remove(worker)
            self._failed_starts = 0
            return None
        assert answer is not None
        return self._busy.pop(worker)[0], answer

    def _replace(self, worker: AnyWorker, death: WorkerDied) -> tuple[int, JobFailed] | None:
        """Replace a worker that has died. Its job is repeated, or is returned as failed if it has killed too many workers."""
        worker.kill()
        if worker in self._starting:
            self._starting.remove(worker)
            self._failed_starts += 1
            if self._failed_starts >= _MOST_DEATHS:
                raise ChildProcessError(f"workers end before they are ready ({death}); is there enough memory?")
            self._starting.append(self._start())
            return None
        number, job = self._busy.pop(worker)
        self._starting.append(self._start())
        self._deaths[number] += 1
        if self._deaths[number] >= _MOST_DEATHS:
            return number, JobFailed(f"{_MOST_DEATHS} workers were killed by {job.architecture.name} ({death})")
        self._waiting.appendleft((number, job))
        return None


class Bench:
    """The judge inside a worker, which uses one thread; errors are returned in one line instead of raised."""

    _judge: Judge

    def build(self, make: MakeJudge) -> JobFailed | None:
        """Make the judge; returns None, or why that failed."""
        try:
            _one_thread()
            self._judge = make()
        except Exception as err:
            return JobFailed.of(err)

    def judge(self, job: Job) -> Outcome | JobFailed:
        """Do one job; an error is returned as a failed job."""
        try:
            return self._judge(job)
        except Exception as err:
            return JobFailed.of(err)


def _one_thread() -> None:
    import torch

    from tracking.images import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
