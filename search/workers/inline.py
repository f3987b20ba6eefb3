"""Simulated workers: jobs run in this process, and a simulated clock decides in which order their results come back.

With one worker, jobs are simply done one after the other. With several, results come back as if each job had taken the seconds that its
outcome states, so that a search with many workers can be tested without waiting. Source: the simulated back-end of Syne Tune (Salinas et
al., AutoML 2022).

Worked example: two workers are given jobs that take 3, 1 and 1 seconds. The second job ends at 1 s. The third begins then and ends at
2 s. The first comes back last, at 3 s.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

from search.judging.judge import Job, Judge, Outcome
from search.workers.workers import Answer, JobFailed


class InlineWorkers:
    """Simulated `Workers`, which run all jobs in this process."""

    def __init__(self, judge: Judge, count: int = 1):
        """Use a judge that is built already.

        Args:
            judge: The judge that does every job.
            count: Number of workers to simulate.
        """
        self.count = count
        self.clock_s = 0.0
        """Simulated time, in seconds."""
        self._judge = judge
        self._waiting: deque[tuple[int, Job]] = deque()
        self._busy: list[tuple[float, int, Outcome | JobFailed]] = []

    def submit(self, number: int, job: Job) -> None:
        self._waiting.append((number, job))
        self._assign()

    def next(self) -> tuple[int, Outcome | JobFailed]:
        assert self._busy, "no job is under way"
        self.clock_s, number, outcome = heapq.heappop(self._busy)
        self._assign()
        return number, outcome

    def on_device(self, device: str, measure: Callable[[], Answer]) -> Answer:
        return measure()

    def close(self) -> None:
        self._waiting.clear()
        self._busy.clear()

    def _assign(self) -> None:
        while self._waiting and len(self._busy) < self.count:
            number, job = self._waiting.popleft()
            try:
                outcome: Outcome | JobFailed = self._judge(job)
                seconds = outcome.seconds
            except Exception as err:  # any error of the judge becomes a failed job, as with other workers
                outcome, seconds = JobFailed.of(err), 0.0
            heapq.heappush(self._busy, (self.clock_s + seconds, number, outcome))
