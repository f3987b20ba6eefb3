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
    waiting, attempts, barren = deque(range(len(jobs))), Counter(), 0
    processes = min(processes, len(jobs))
    batch = min(batch, -(-len(jobs) // max(processes, 1)))  # else the first to ask would take more than its share
    children = [_start(make, batch) for _ in range(processes)]
    ready: list[_Child] = []
    """Processes that have asked before all have; they wait, so that the longest sequences are dealt out evenly."""
    try:
        while children:
            for child in _with_news(children):
                try:
                    news = child.connection.recv()
                except (EOFError, OSError):
                    children.remove(child)
                    ready = [each for each in ready if each is not child]
                    child.process.join()
                    barren = barren + 1 if not child.held and child.process.exitcode else 0
                    if barren > 2 * processes:
                        raise ValueError(
                            f"processes must be able to start, they end with status {child.process.exitcode}; lower --processes"
                        ) from None
                    for number in sorted(child.held, reverse=True):
                        attempts[number] += 1
                        if attempts[number] < _ATTEMPTS:
                            waiting.appendleft(number)
                        else:
                            yield (
                                number,
                                f"the process that tracked it ended {_ATTEMPTS} times, status {child.process.exitcode}; lower --batch or --processes",
                            )
                    if waiting:
                        children.append(_start(make, batch))
                    continue
                match news:
                    case _Ask():
                        ready.append(child)
                    case _Done(number, error):
                        child.held.discard(number)
                        barren = 0
                        yield number, error
                    case _Failed(words, expected):
                        raise ValueError(words) if expected else RuntimeError(words)
            if len(ready) == len(children) or any(child.held for child in children):
                for child in ready:
                    number = waiting.popleft() if waiting else None
                    if number is not None:
                        child.held.add(number)
                    _send(child.connection, None if number is None else (number, jobs[number]))
                ready = []
    finally:
        for child in children:
            child.connection.close()
            child.process.kill()
            child.process.join()


def _start(make: Callable[[], Procedure], batch: int) -> _Child:
    return _Child(*spawn(_serve, make, batch))


def _with_news(children: Sequence[_Child]) -> list[_Child]:
    news = wait([child.connection for child in children])
    return [child for child in children if child.connection in news]


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
