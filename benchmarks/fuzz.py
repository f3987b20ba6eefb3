"""Gives spoiled files to every reader of chiptrack, and prints what came out.

    python -m benchmarks.fuzz --minutes 5

Inputs are valid files of our own writers, spoiled in bytes, lines and values, as a seed decides. A reader may read an input or refuse it
with ValueError, OSError or what its documentation names, in one short line, within 10 s and with at most 1 GB of memory. Whatever else
happens, also the end of the process, is counted, and the input is kept in a folder.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.fuzzing import READERS
from benchmarks.fuzzing.reader import Files, Reader, write_files
from benchmarks.fuzzing.trial import MOST_S, Outcome, attempt, made

_LIMIT = 4 * 2**30
"""Bytes of address space that a worker may take beyond what it has."""


@dataclass
class Tally:
    """What a reader did with all its inputs."""

    reader: Reader
    files: Files
    kinds: Counter[str] = field(default_factory=Counter)
    worst_s: float = 0.0
    peak_mb: float = 0.0
    spent_s: float = 0.0
    """Time that its inputs took, making them included."""
    tried: int = 0

    def add(self, outcome: Outcome) -> None:
        self.kinds[outcome.kind] += 1
        self.worst_s, self.peak_mb = max(self.worst_s, outcome.seconds), max(self.peak_mb, outcome.mb)
        self.tried += 1


class Worker:
    """A process that tries inputs; one that ends or hangs is replaced."""

    def __init__(self, valid: list[Files], scratch: Path):
        self._valid, self._scratch = valid, scratch
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, self._valid, self._scratch), daemon=True)
        self._process.start()
        theirs.close()

    def attempt(self, reader: int, seed: int) -> Outcome:
        begun = time.monotonic()
        self._pipe.send((reader, seed))
        try:
            if self._pipe.poll(3 * MOST_S):
                return self._pipe.recv()
            kind = "hang"
        except EOFError:
            kind = "died"
        self.close()
        said = f"exit status {self._process.exitcode}"
        self._start()
        return Outcome(kind, said, time.monotonic() - begun, 0.0)

    def close(self) -> None:
        self._process.join(1)
        self._process.kill()
        self._process.join()


def _work(pipe: Connection, valid: list[Files], scratch: Path) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):  # libraries print about broken files
        os.dup2(null, stream)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + _LIMIT, size + _LIMIT))
    while True:
        number, seed = pipe.recv()
        reader = READERS[number]
        pipe.send(attempt(reader, made(reader, valid[number], seed), scratch / "input"))


def fuzz(minutes: float, seed: int, kept: Path, only: str = "") -> list[Tally]:
    """Give inputs to the readers in turn, such that each gets the same time, until the time is over."""
    chosen = [i for i, reader in enumerate(READERS) if only in reader.name]
    tallies = {i: Tally(READERS[i], READERS[i].make()) for i in chosen}
    valid = [tallies[i].files if i in tallies else {} for i in range(len(READERS))]
    with tempfile.TemporaryDirectory() as scratch:
        for tally in tallies.values():
            outcome = attempt(tally.reader, tally.files, Path(scratch) / "input")
            if outcome.kind != "read":
                raise AssertionError(f"a valid input must be read, {tally.reader.name} says {outcome}")
        worker, end = Worker(valid, Path(scratch)), time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            number = min(tallies, key=lambda i: tallies[i].spent_s)
            tally, begun = tallies[number], time.monotonic()
            number_of_input = seed * 1_000_000 + tally.tried
            outcome = worker.attempt(number, number_of_input)
            tally.add(outcome)
            tally.spent_s += time.monotonic() - begun
            if not outcome.good and tally.kinds[outcome.kind] <= 5:
                _keep(tally, number_of_input, outcome, kept)
        worker.close()
    return list(tallies.values())


def _keep(tally: Tally, seed: int, outcome: Outcome, kept: Path) -> None:
    folder = kept / f"{tally.reader.name.replace(' ', '-')}-{seed}-{outcome.kind}"
    write_files(made(tally.reader, tally.files, seed), folder)
    (folder / "said.txt").write_text(f"{outcome}\n", errors="backslashreplace")
    print(f"{tally.reader.name}, input {seed}: {outcome.kind}: {ascii(outcome.said)[:300]}", flush=True)


def table(tallies: list[Tally]) -> str:
    """The table in Markdown."""
    lines = ["| reader | inputs | refused | read | worst s | peak MB | other |", "|---|--:|--:|--:|--:|--:|---|"]
    for tally in tallies:
        others = ", ".join(f"{kind} {count}" for kind, count in sorted(tally.kinds.items()) if kind not in ("read", "refused"))
        figures = (
            tally.tried,
            tally.kinds["refused"],
            tally.kinds["read"],
            f"{tally.worst_s:.2f}",
            f"{tally.peak_mb:.0f}",
            others or "none",
        )
        lines.append(f"| {tally.reader.name} | " + " | ".join(map(str, figures)) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long to try inputs, beside the time that valid ones take to make")
    parser.add_argument("--seed", type=int, default=0, help="decides all inputs; their number depends on the time")
    parser.add_argument("--keep", type=Path, default=Path("/tmp/chiptrack-fuzz"), help="folder for the inputs that a reader failed at")
    parser.add_argument("--only", default="", help="only readers whose name holds this text")
    args = parser.parse_args()
    print(table(fuzz(args.minutes, args.seed, args.keep, args.only)))


if __name__ == "__main__":
    main()
