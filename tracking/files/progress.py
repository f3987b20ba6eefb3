"""Progress of long work on stderr: a bar if stderr is a terminal, plain lines if not."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_LINE_EVERY_S = 10.0
"""Seconds between two plain lines."""


@contextmanager
def progress(label: str, total: int, done: int = 0) -> Iterator[Callable[[int, str], None]]:
    """Show on stderr how far a piece of work is.

    Args:
        label: What is being done, e.g. `training`.
        total: Number of steps in all; 0 if it is not known.
        done: Number of steps that an earlier run has finished.

    Yields:
        `report(done, note)`, to be called with the number of finished steps and a few words or figures.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(label, total=total or None, completed=done, note="")
            yield lambda count, note="": bar.update(task, completed=count, note=note)
        return
    last = time.monotonic()
    of = f"/{total}" if total else ""
    say(f"{label}: {done}{of}")

    def report(count: int, note: str = "") -> None:
        nonlocal last
        if count == total or time.monotonic() - last >= _LINE_EVERY_S:
            last = time.monotonic()
            say(f"{label}: {count}{of} {note}".rstrip())

    yield report


def say(text: str) -> None:
    """Print a line on stderr for the person who watches; stdout is reserved for answers. If stderr is full or closed, work goes on."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)
