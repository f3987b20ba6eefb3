"""A step of a verb that consists of several, each of which leaves a file or a folder by which it is known to be done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tracking.files.progress import say


def step(title: str, result: Path, work: Callable[[], object]) -> None:
    """Announce a step, and do it unless its result exists."""
    done = result.exists()
    say(title + (": done before" if done else ""))
    if not done:
        work()
