"""This machine: the agent is a process of its own, so that nothing of the caller (torch, its threads, its memory) disturbs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


class Local:
    """The machine that the command runs on; its name has no address."""

    def __init__(self, address: str):
        if address:
            raise ValueError(f"device local takes no address, got {address!r}; write local")

    def open_agent(self, runtime: str, threads: int) -> subprocess.Popen[str]:
        """Start the agent; closing its input ends it."""
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        # a session of its own: Ctrl-C reaches the caller alone, whose end the agent notices
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "latency_tables.agent", runtime, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,
        )
