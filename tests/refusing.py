"""Gives a file to a reader that must refuse it."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.fuzzing.reader import Reader
from benchmarks.fuzzing.trial import MOST_MB, attempt


def refused(read: Callable[[Path], object], path: Path) -> str:
    """What a reader says when it refuses a path; it may neither take much memory nor raise anything else."""
    name = path.name
    reader = Reader(name, dict, lambda _: read(path), ())
    outcome = attempt(reader, {}, path.parent / "unused")
    assert outcome.kind == "refused" and outcome.mb < MOST_MB, outcome
    return outcome.said
