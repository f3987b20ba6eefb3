"""Tracks sequences in several processes with one thread each.

A process asks for the next sequence when it has room for one, so none waits for another. If one is killed, what it had not finished is
given to a new one. Processes end with the process that started them, even by kill -9; what is finished lies in the results folder.
"""

from __future__ import annotations

import os
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from supernet.deploy.evaluating.work import Job, track_jobs
from tracking.errors import is_expected, one_line
from tracking.spawned import end_with_parent, spawn
from tracking.trackers import Procedure

_ATTEMPTS = 2
"""How often a sequence is begun before it is given up, if processes end while they track it."""


@dataclass(frozen=True)
class _Ask:
    """A process has room for a sequence."""


@dataclass(frozen=True)
class _Done:
    """A process has finished a job, or could not do it."""

    number: int
    error: str


@dataclass(frozen=True)
class _Failed:
    """A process cannot go on."""

    words: str
    expected: bool


@dataclass(eq=False)
class _Child:
    process: SpawnProcess
    connection: Connection
    held: set[int] = field(default_factory=set)
    """Numbers of the jobs that it was given and has not finished."""


def track_in_processes(make: Callable[[], Procedure], jobs: Sequence[Job], batch: int, processes: int) -> Iterator[tuple[int, str]]:
    """Track sequences and write their files, in several processes.

    Args:
        make: Loads the tracker in a process; must be picklable.
        jobs: What to track, the longest first.
        batch: Number of sequences that each process tracks at once.
        processes: Number of processes.

    Yields:
        The number of a job and why it could not be done; nothing if it could.

    Raises:
        ValueError: A process cannot load the tracker, or processes end before they have begun.
        RuntimeError: There is a mistake in what a process does; the text is its traceback.
    """
    crew = _Crew(make, jobs, batch, min(processes, len(jobs)))
    try:
        while crew.children:
            news = wait([child.connection for child in crew.children])
            for child in [child for child in crew.children if child.connection in news]:
                yield from crew.hear(child)
            crew.deal()
    finally:
        for child in crew.children:
            child.connection.close()
            child.process.kill()
            child.process.join()


class _Crew:
    """Processes that share jobs."""

    def __init__(self, make: Callable[[], Procedure], jobs: Sequence[Job], batch: int, processes: int):
        self._jobs = jobs
        self._waiting = deque(range(len(jobs)))
        self._attempts: Counter[int] = Counter()
        self._barren, self._most_barren = 0, 2 * processes
        """Processes in a row that have ended before they were given anything, and how many are borne."""
        share = -(-len(jobs) // max(processes, 1))  # else the first to ask would take more than its own
        self._start = lambda: _Child(*spawn(_serve, make, min(batch, share)))
        self._asking: list[_Child] = []
        self.children = [self._start() for _ in range(processes)]

    def hear(self, child: _Child) -> Iterator[tuple[int, str]]:
        """Receive what a process says; yields a job that is done, or jobs that are given up."""
        try:
            news = child.connection.recv()
        except (EOFError, OSError):
            yield from self._lost(child)
            return
        match news:
            case _Ask():
                self._asking.append(child)
            case _Done(number, error):
                child.held.discard(number)
                self._barren = 0
                yield number, error
            case _Failed(words, expected):
                raise ValueError(words) if expected else RuntimeError(words)

    def deal(self) -> None:
        """Give jobs to the processes that ask. The first ones wait for each other, so that the longest sequences are dealt out evenly."""
        if len(self._asking) < len(self.children) and not any(child.held for child in self.children):
            return
        for child in self._asking:
            given = None
            if self._waiting:
                number = self._waiting.popleft()
                child.held.add(number)
                given = number, self._jobs[number]
            _send(child.connection, given)
        self._asking = []

    def _lost(self, child: _Child) -> Iterator[tuple[int, str]]:
        """A process has ended: what it has not finished is done by another one, if there is hope."""
        child.process.join()
        status = child.process.exitcode
        self.children.remove(child)
        self._asking = [each for each in self._asking if each is not child]
        self._barren = self._barren + 1 if status and not child.held else 0
        if self._barren > self._most_barren:
            raise ValueError(f"processes must be able to start, they end with status {status}; lower --processes")
        for number in sorted(child.held, reverse=True):
            self._attempts[number] += 1
            if self._attempts[number] < _ATTEMPTS:
                self._waiting.appendleft(number)
            else:
                yield number, f"the process that tracked it ended {_ATTEMPTS} times, with status {status}; lower --batch or --processes"
        if self._waiting:
            self.children.append(self._start())


def _send(connection: Connection, given: tuple[int, Job] | None) -> None:
    try:
        connection.send(given)
    except OSError:  # the process has ended, which its connection tells next
        pass


def _serve(connection: Connection, make: Callable[[], Procedure], batch: int) -> None:
    """Run a process: load the tracker, then track what is given until there is nothing more."""
    os.environ["OMP_NUM_THREADS"] = "1"  # torch is not imported yet
    end_with_parent()
    numbers: list[int] = []

    def given() -> Iterator[Job]:
        while True:
            connection.send(_Ask())
            if (job := connection.recv()) is None:
                return
            numbers.append(job[0])
            yield job[1]

    try:
        for place, error in track_jobs(make(), given(), batch):
            connection.send(_Done(numbers[place], error))
    except (EOFError, BrokenPipeError):
        return
    except Exception as err:
        expected = is_expected(err)
        connection.send(_Failed(one_line(err) if expected else traceback.format_exc(), expected))
