"""Child processes that end with their parent: new interpreters, each with a connection to the process that started it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any


def spawn(serve: Callable[..., None], *given: Any) -> tuple[SpawnProcess, Connection]:
    """Start a process that ignores Ctrl-C, which the calling process handles.

    Args:
        serve: Function that the process runs; it is given its end of the connection, and `given`.
        given: What else the function needs; it must be picklable.

    Returns:
        The process, and this process's end of the connection, which ends when that process does.
    """
    context = multiprocessing.get_context("spawn")  # forking a process that has used torch's threads may hang
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, *given), daemon=True)
    resource_tracker.ensure_running()  # else process.start() would start it, which lifts the mask below
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the child inherits the mask: it ignores Ctrl-C from its start
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()  # else the end of the child would go unnoticed
    return process, ours


def end_with_parent() -> None:
    """Have this child process end at once when its parent has ended, even by kill -9, rather than when it next speaks to it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
