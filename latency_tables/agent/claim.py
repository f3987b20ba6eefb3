"""Who may use a device: one measurement at a time, by a lock file on the device. Runs on the device, standard library only."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from pathlib import Path
from typing import TextIO


class Refusal(Exception):
    """An error of the agent or the device rather than of the runtime; `kind` is that of `connection.AgentError`."""

    def __init__(self, kind: str, text: str):
        super().__init__(text)
        self.kind = kind


def cache_folder() -> Path:
    """Folder for files that chiptrack can make again: `chiptrack` in $XDG_CACHE_HOME or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chiptrack"


def take_device(folder: Path, run: str) -> TextIO:
    """Keep other agents from a device for as long as the returned file is open; an agent of the same measurement is killed.

    Args:
        folder: Folder with the lock file of the device.
        run: Name of the measurement.

    Raises:
        Refusal: An agent of another measurement is at work, or one of this measurement does not end within 5 seconds.
        OSError: The folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "agent.lock").open("a+")
    deadline = time.monotonic() + 5
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            lock.seek(0)
            pid, _, owner = lock.read().partition(" ")
            if owner != run or time.monotonic() > deadline:
                lock.close()
                raise Refusal("busy", f"another measurement is at work on this device (process {pid})") from None
            try:
                os.kill(int(pid), signal.SIGKILL)
            except (ProcessLookupError, ValueError):
                pass
            time.sleep(0.05)
    lock.truncate(0)
    lock.write(f"{os.getpid()} {run}")
    lock.flush()
    return lock
