"""What a file under `transports/` provides: a way to a device."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import ClassVar, Protocol


class DeviceLost(ConnectionError):
    """A device cannot be reached, now; it may come back."""


class Transport(Protocol):
    """One device, reached one way."""

    usage: ClassVar[str]
    """How the device is written, e.g. `ssh://user@host[:port]`."""
    remote: ClassVar[bool]
    """Whether the device is another machine, which needs a copy of the agent."""

    program: ClassVar[str]
    """The program of this machine that reaches the device; empty where none is needed."""
    install: ClassVar[str]
    """How to install that program."""

    def __init__(self, address: str):
        """Take the part of the device's name after `://`.

        Raises:
            ValueError: It is not an address of this kind.
        """
        ...

    def open(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a command on the device with its standard input and output as pipes; standard error goes to ours.

        Args:
            command: Words, passed on exactly as they are.
        """
        ...

    def lost(self, status: int) -> bool:
        """Whether a command that ended with this exit status ended because the device could not be reached."""
        ...

    def push(self, content: bytes, name: str) -> str:
        """Put a file into chiptrack's folder on the device, executable, unless the same file is there; it appears whole.

        Args:
            content: The file.
            name: Its name, without folders.

        Returns:
            Its path on the device.

        Raises:
            DeviceLost: The device cannot be reached.
            OSError: The device cannot hold it; the error names the device and the cause.
        """
        ...

    def run(self, command: Sequence[str], timeout_s: float = 600) -> str:
        """Run a command to its end.

        Returns:
            Its standard output and standard error.

        Raises:
            DeviceLost: The device cannot be reached.
            ChildProcessError: The command failed or took longer; the error carries the last lines that it printed.
        """
        ...
