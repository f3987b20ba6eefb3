"""Prints evaluations per minute of Ray actors and of local processes: with one, with two, and the ratio of the two.

    python -m benchmarks.ray_workers --seconds 15 --rounds 3

Candidates of the family `nano` are judged as a search judges them. Their weights are random, which takes as long as trained ones. Two cores
may be two threads of one physical core, so the rate of two independent processes is printed last, as an upper bound.
"""

import argparse
import multiprocessing
import tempfile
import time
from functools import partial
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np

from search.judging.inherited import InheritedJudge
from search.judging.judge import Job, MakeJudge, Outcome
from search.judging.validation import Validation
from search.workers import WORKERS
from search.workers.pool import Bench
from search.workers.workers import Workers
from supernet.checkpoints import save_supernet
from supernet.families import FAMILIES
from supernet.training.initialise import initialise

FAMILY = FAMILIES["nano"]
_MANY = 2000
"""Jobs that are prepared; more than are done in the time."""
SEQUENCES, _ = Validation("synthetic", 40).chosen(16, 0)


def jobs(count: int, seed: int) -> list[Job]:
    """Return jobs that judge random architectures on the sequences of a search."""
    rng = np.random.default_rng(seed)
    return [Job(FAMILY.space.sample(rng), SEQUENCES) for _ in range(count)]


def of_workers(workers: Workers, seconds: float) -> float:
    """Measure evaluations per minute with one job under way for each worker, as in a search."""
    try:
        pending = enumerate(jobs(_MANY, seed=0))
        for _ in range(2 * workers.count):  # each worker starts and draws its sequences before the clock runs
            workers.submit(*next(pending))
        for _ in range(2 * workers.count):
            workers.next()
        started, done = time.perf_counter(), 0
        for _ in range(workers.count):
            workers.submit(*next(pending))
        while time.perf_counter() - started < seconds:
            _, outcome = workers.next()
            assert isinstance(outcome, Outcome), outcome
            done += 1
            workers.submit(*next(pending))
        return 60 * done / (time.perf_counter() - started)
    finally:
        workers.close()


def _alone(make: MakeJudge, seconds: float, ready: Barrier, rates: Queue) -> None:
    bench = Bench()
    assert bench.build(make) is None
    bench.judge(jobs(1, seed=1)[0])
    ready.wait()
    started, done = time.perf_counter(), 0
    for job in jobs(_MANY, seed=0):
        if time.perf_counter() - started >= seconds:
            break
        assert isinstance(bench.judge(job), Outcome)
        done += 1
    rates.put(60 * done / (time.perf_counter() - started))


def of_strangers(count: int, make: MakeJudge, seconds: float) -> float:
    """Measure evaluations per minute of independent processes, which share nothing but the machine."""
    context = multiprocessing.get_context("spawn")
    ready, rates = context.Barrier(count), context.Queue()
    processes = [context.Process(target=_alone, args=(make, seconds, ready, rates)) for _ in range(count)]
    for process in processes:
        process.start()
    total = sum(rates.get() for _ in processes)
    for process in processes:
        process.join()
    return total


def main(seconds: float, rounds: int) -> None:
    """Measure all kinds in rounds, so that other load on the machine affects them alike, and print medians."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "supernet.safetensors"
        supernet: Any = FAMILY.supernet()
        initialise(supernet, seed=0)
        save_supernet(path, supernet)
        make = partial(InheritedJudge, path, Validation("synthetic", 40))
        kinds = {
            "Ray actors": lambda count: of_workers(WORKERS["ray"](f"//{count}@local", make), seconds),
            "local processes": lambda count: of_workers(WORKERS["local"](str(count), make), seconds),
            "independent processes": lambda count: of_strangers(count, make, seconds),
        }
        rates = np.array([[[rate(count) for count in (1, 2)] for rate in kinds.values()] for _ in range(rounds)])
    print("| workers | one, evaluations/min | two | two against one |")
    print("|---|---:|---:|---:|")
    for name, (one, two) in zip(kinds, np.median(rates, axis=0), strict=True):
        print(f"| {name} | {one:.0f} | {two:.0f} | {two / one:.2f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="seconds of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds, each with one and two workers of every kind")
    settings = parser.parse_args()
    main(settings.seconds, settings.rounds)
