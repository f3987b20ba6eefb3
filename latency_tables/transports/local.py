"""The transport to this machine: commands run in processes of their own, so that the caller's threads and memory do not disturb them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tracking.files.atomic import new_file

_END_S = 5
"""Seconds to wait for the last output of a program that was killed."""


class Local:
    """The machine that chiptrack runs on, whose name is `local` without an address."""

    usage: ClassVar[str] = "local"
    remote: ClassVar[bool] = False
    program: ClassVar[str] = ""
    install: ClassVar[str] = ""

    def __init__(self, address: str):
        if address:
            raise ValueError(f"device local takes no address, got {address!r}; write local")

    def open(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return start(command)

    def lost(self, status: int) -> bool:
        return False

    def push(self, content: bytes, name: str) -> str:
        path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chiptrack" / name
        try:
            if not path.is_file() or path.read_bytes() != content:
                with new_file(path) as temporary:
                    temporary.write_bytes(content)
            path.chmod(0o755)
        except OSError as err:
            raise OSError(err.errno, f"device local must hold {path}, {err.strerror}; make room or rights there") from err
        return str(path)

    def run(self, command: Sequence[str], timeout_s: float = 600) -> str:
        try:
            ended = finish(command, timeout_s=timeout_s)
        except OSError as err:
            raise ChildProcessError(f"device local must run {command[0]}, {err.strerror}; is it installed?") from err
        return ended.text("local", command)


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit status, standard output and standard error."""

    status: int | None
    """Exit status; None if the command took too long and was killed."""
    out: bytes
    err: bytes

    def text(self, device: str, command: Sequence[str]) -> str:
        """Standard output, followed by standard error, as text.

        Args:
            device: Name of the device, for the error.
            command: The command that was run, for the error.

        Raises:
            ChildProcessError: The command failed or took too long.
        """
        text = (self.out + self.err).decode(errors="replace")
        if self.status != 0:
            how = "took too long" if self.status is None else f"ended with status {self.status}"
            last = " / ".join(text.split("\n")[-6:]).strip(" /") or "nothing"
            raise ChildProcessError(f"{command[0]} on device {device} must succeed, it {how}; it printed last: {last}")
        return text


def start(command: Sequence[str], err: int | None = None) -> subprocess.Popen[bytes]:
    """Start a program on this machine with pipes for its standard input and output.

    Args:
        command: The program and its arguments.
        err: Where its standard error goes, e.g. `subprocess.PIPE`; by default to the standard error of this process.
    """
    # a session of its own, so that Ctrl-C reaches the caller alone; closing the pipes ends the program
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, start_new_session=True)


def finish(command: Sequence[str], content: bytes = b"", timeout_s: float = 600) -> Ended:
    """Run a program on this machine until it ends; one that takes too long is killed with all processes that it started.

    Args:
        command: The program and its arguments.
        content: What the program reads from its standard input.
        timeout_s: Seconds that the program may take.
    """
    with start(command, subprocess.PIPE) as process:
        try:
            out, err = process.communicate(content, timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            try:
                return Ended(None, *process.communicate(timeout=_END_S))
            except subprocess.TimeoutExpired as err:  # a process that has left the group still holds the pipes
                return Ended(None, err.output or b"", err.stderr or b"")
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return Ended(process.returncode, out, err)
