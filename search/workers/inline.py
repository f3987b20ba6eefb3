"""Workers that are none: jobs run in this process, and a simulated clock decides in which order they come back.

With one worker that is plain evaluation, one after the other. With several, results come back as if each had taken the seconds that
its outcome says, so that what a search does with many workers can be tried in no time. Source: the simulated back-end of Syne Tune
(Salinas et al., AutoML 2022).

Worked example: two workers, jobs that take 3, 1 and 1 seconds. The second ends at 1 and the third, which begins then, at 2; the
first comes back last, at 3.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

from search.judging.judge import Job, Judge, Outcome
from search.workers.workers import Answer, JobFailed


class InlineWorkers:
    """`Workers` in this process."""

    def __init__(self, judge: Judge, count: int = 1):
        """Take a judge that is built already.

        Args:
            judge: Answers every job.
            count: How many workers to simulate.
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
            except Exception as err:  # whatever a judge raises is told, as by a worker of its own
                outcome, seconds = JobFailed.of(err), 0.0
            heapq.heappush(self._busy, (self.clock_s + seconds, number, outcome))
