"""Kinds of workers, by the word before the colon of `local:2`."""

from collections.abc import Callable

from search.workers.jobs import MakeJudge, Workers
from search.workers.local import local_workers

WORKERS: dict[str, Callable[[str, MakeJudge], Workers]] = {"local": local_workers}
"""(what follows the colon, how to make a judge) to workers."""
