"""Kinds of workers, by the word before the colon, as in `local:2` or `ray://auto`."""

from collections.abc import Callable

from search.judging.judge import MakeJudge
from search.workers.local import local_workers
from search.workers.ray import ray_workers
from search.workers.workers import Workers

WORKERS: dict[str, Callable[[str, MakeJudge], Workers]] = {"local": local_workers, "ray": ray_workers}
"""For each kind, a function of the text after the colon and of a function that makes a judge, which starts the workers."""
