"""kill -9 at random moments of measure, train, search, retrain, evaluate and adapt, each resumed until it is done.

    python -m benchmarks.kills
    python -m benchmarks.kills --kills 12 --verbs train search

Each command is run once without interruption. Then it is run again and killed with all processes that it has started, at a moment that is
drawn over the length of that run, or at once when a watched file appears or changes. The same command with --resume goes on, is killed
again, and so on until it ends by itself; then a new run begins. After each kill and at each end this is counted:

- lost: finished items that the files held before (lines of a journal, saved steps, results of sequences) and do not hold any more;
- doubled: finished items that were done again;
- broken: files that are not whole;
- unequal: results, apart from times, that differ from those of the uninterrupted run; so many of so many files;
- left: files at the end that the uninterrupted run has not left, hidden and temporary ones included;
- refused: resumed commands that ended with an error;
- processes: ones that outlived the kill by more than ten seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from safetensors import SafetensorError, safe_open

from benchmarks.killed_commands import MARK, RUN, Items, Work, environment, trained, works

AFTERLIFE_S = 10.0
"""Seconds after which a process that is still there counts as left behind."""
DROPPED = ("seconds", "date", "ms_per_frame")
"""Fields of JSON files that hold times."""


class Attempt:
    """One process of a command, in a session of its own."""

    def __init__(self, work: Work, scratch: Path, resume: bool):
        self._scratch, self._folder = scratch, scratch / "work"
        self._folder.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, "-c", RUN, *work.words, *(["--resume"] if resume else [])]
        settings = {"cwd": self._folder, "env": environment(scratch), "start_new_session": True}
        with (scratch / "log").open("w") as log:
            self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=log, **settings)

    def run_until(self, over: Callable[[], bool]) -> bool:
        """Wait until a moment has come; returns False if the process has ended before."""
        kept = self._scratch / "journal"
        while self.process.poll() is None:
            if over():
                return True
            for path in self._folder.glob("*.csv.part"):
                try:
                    if not kept.exists() or not kept.samefile(path):
                        kept.unlink(missing_ok=True)
                        os.link(path, kept)  # a name outside the command's sight, which outlives the removal of the journal
                except FileNotFoundError:
                    pass
            time.sleep(0.001)
        return False

    def kill(self) -> list[int]:
        """Kill the command with its children; returns the processes that were there ten seconds later, and ends them."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        deadline = time.monotonic() + AFTERLIFE_S
        while (left := alive(self._scratch)) and time.monotonic() < deadline:
            time.sleep(0.01)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return left

    def steps(self) -> list[tuple[str, int, int]]:
        """What it has said of its progress: what it does, how much is done, and how much there is."""
        told = [re.match(r"([a-z ]+): (\d+)/(\d+)", line) for line in self.said()]
        return [(match[1], int(match[2]), int(match[3])) for match in told if match]

    def said(self) -> list[str]:
        """The lines that it has printed to stderr."""
        return (self._scratch / "log").read_text().splitlines()


def alive(scratch: Path) -> list[int]:
    """The processes that carry the mark of a run."""
    mark, found = f"{MARK}={scratch}".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:  # it has ended meanwhile, or is somebody else's
            pass
    return found


def moment(work: Work, folder: Path, length_s: float, rng: np.random.Generator) -> Callable[[], bool]:
    """Draw the moment of a kill: two of three by time, the others at one of the next changes of a watched file."""
    if rng.random() < 2 / 3:
        until = time.monotonic() + rng.uniform(0, length_s)
        return lambda: time.monotonic() >= until
    pattern = str(rng.choice(list(work.watched)))
    changes, seen = int(rng.integers(1, work.watched[pattern] + 1)), set(stamps(folder, "**/*"))

    def changed() -> bool:
        nonlocal changes
        new = set(stamps(folder, pattern)) - seen
        changes -= len(new)
        seen.update(new)
        return changes <= 0

    return changed


def stamps(folder: Path, pattern: str) -> Iterable[tuple]:
    for path in folder.glob(pattern):
        try:
            stat = path.stat()
            yield path, stat.st_ino, stat.st_size, stat.st_mtime_ns
        except FileNotFoundError:
            pass


def broken(folder: Path) -> list[str]:
    """Files that are not whole. Hidden ones, whose names say that they are not, and journals do not count."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            try:
                match path.suffix:
                    case ".json":
                        json.loads(path.read_text())
                    case ".safetensors":
                        safe_open(path, "pt").__enter__()
                    case ".csv" | ".txt" if not path.read_text().endswith("\n"):
                        raise ValueError("its last line has no end")
                    case ".html" if not path.read_text().rstrip().endswith("</html>"):
                        raise ValueError("its end is missing")
            except (ValueError, SafetensorError) as err:
                found.append(f"{path.name} ({err})")
    return found


def names(scratch: Path) -> set[str]:
    """Everything in the folders of a run; the cache of ONNX Runtime does not count, whose journals only that removes."""
    parts = ("work", "temporary", "cache/chiptrack")
    return {str(path.relative_to(scratch)) for part in parts for path in (scratch / part).rglob("*")}


def contents(work: Work, folder: Path) -> dict[str, object]:
    """The results of a run by the file's name, without times."""

    def timeless(value: object) -> object:
        if isinstance(value, dict):
            return {name: timeless(each) for name, each in value.items() if name not in DROPPED}
        return [timeless(each) for each in value] if isinstance(value, list) else value

    def content(path: Path) -> object:
        if path.suffix == ".json":
            return timeless(json.loads(path.read_text()))
        raw = path.read_bytes()
        if path.suffix != ".safetensors":
            return raw
        size = int.from_bytes(raw[:8], "little")
        return json.loads(raw[8 : 8 + size]), raw[8 + size :]  # safetensors writes the two fields of its header in any order

    return {str(path.relative_to(folder)): content(path) for pattern in work.results for path in folder.glob(pattern)}


class Trial:
    """All kills of one command."""

    def __init__(self, verb: str, work: Work, scratch: Path, rng: np.random.Generator):
        self._work, self._scratch, self._rng = work, scratch, rng
        self.stages: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.ends = self.compared = 0
        self.verb = verb
        begun = time.monotonic()
        attempt = Attempt(work, scratch / "whole", resume=False)
        if attempt.run_until(lambda: False) or attempt.process.returncode:
            raise ChildProcessError(f"{verb} must end well, it said: {attempt.said()[-1:]}")
        self._length_s = time.monotonic() - begun
        self._whole, self._names = contents(work, scratch / "whole/work"), names(scratch / "whole")

    def kill(self, kills: int) -> None:
        """Kill the command so often, each time resumed; then let it end."""
        while sum(self.stages.values()) < kills:
            scratch = self._scratch / "killed"
            shutil.rmtree(scratch, ignore_errors=True)
            before: Items = {}
            resume = False
            while True:
                attempt = Attempt(self._work, scratch, resume)
                over = moment(self._work, scratch / "work", self._length_s, self._rng)
                struck = attempt.run_until(over if sum(self.stages.values()) < kills else lambda: False)
                left = attempt.kill() if struck else []
                after, steps = self._work.finished(scratch / "work"), attempt.steps()
                self._compare(before, after, attempt, struck)
                self._note("processes", left)
                self._note("broken", broken(scratch / "work"))
                if not struck:
                    break
                label, done, total = steps[-1] if steps else ("start", 0, 0)
                self.stages[f"after {label}" if done == total > 0 else label] += 1
                before, resume = after, True
            self._note("refused", attempt.said()[-1:] if attempt.process.returncode else [])
            self._end()

    def _compare(self, before: Items, after: Items, attempt: Attempt, struck: bool) -> None:
        if self._work.finished is trained:
            begun = next((done for label, done, _ in attempt.steps()), len(before))
            self._note("lost", range(begun, len(before)))
            if not struck:
                return  # the state is gone when the checkpoint is there
        self._note("lost", before.keys() - after.keys())
        self._note(
            "doubled", (key for key, seen in after.items() if before.get(key, seen) != seen or (isinstance(seen, tuple) and seen[1:]))
        )

    def _end(self) -> None:
        """Compare what a run has left with the uninterrupted run."""
        scratch, self.ends = self._scratch / "killed", self.ends + 1
        now = contents(self._work, scratch / "work")
        self.compared += len(self._whole)
        self._note("unequal", (name for name in self._whole.keys() | now.keys() if self._whole.get(name) != now.get(name)))
        self._note("left", names(scratch) - self._names)

    def _note(self, kind: str, what: Iterable[object]) -> None:
        """Count what is wrong, and tell it."""
        for each in what:
            self.wrong[kind] += 1
            print(f"{self.verb}: {kind}: {each}", file=sys.stderr, flush=True)


KINDS = ("lost", "doubled", "broken", "left", "refused", "processes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="number of kills in all")
    parser.add_argument("--verbs", nargs="+", default=["measure", "train", "search", "retrain", "evaluate", "adapt"])
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rows = []
    with TemporaryDirectory() as folder:
        known = works(Path(folder) / "inputs")
        for i, verb in enumerate(given.verbs):
            trial = Trial(verb, known[verb], Path(folder) / verb, np.random.default_rng([given.seed, i]))
            trial.kill(given.kills // len(given.verbs) + (i < given.kills % len(given.verbs)))
            rows.append(trial)
            print(f"{verb}: {sum(trial.stages.values())} kills", file=sys.stderr, flush=True)
    print("| verb | kills | ends | " + " | ".join(KINDS) + " | unequal | stages in which they fell |")
    print("|---" * (len(KINDS) + 5) + "|")
    for trial in rows:
        stages = ", ".join(f"{stage} {count}" for stage, count in trial.stages.most_common())
        figures = " | ".join(str(trial.wrong[kind]) for kind in KINDS)
        print(
            f"| {trial.verb} | {sum(trial.stages.values())} | {trial.ends} | {figures} | {trial.wrong['unequal']} of {trial.compared} | {stages} |"
        )


if __name__ == "__main__":
    main()
