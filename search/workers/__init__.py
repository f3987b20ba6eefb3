"""Kinds of workers, by the word before the colon of `local:2` or `ray://auto`."""

from collections.abc import Callable

from search.judging.judge import MakeJudge
from search.workers.local import local_workers
from search.workers.ray import ray_workers
from search.workers.workers import Workers

WORKERS: dict[str, Callable[[str, MakeJudge], Workers]] = {"local": local_workers, "ray": ray_workers}
"""(what follows the colon, how to make a judge) to workers."""
