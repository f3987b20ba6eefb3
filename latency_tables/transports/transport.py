"""The protocol of a transport, a way to reach a device; each file under `transports/` provides one."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import ClassVar, Protocol


class DeviceLost(ConnectionError):
    """A device cannot be reached at the moment; it may come back."""


class Transport(Protocol):
    """One device and the way to reach it."""

    usage: ClassVar[str]
    """Form of the device's name, e.g. `ssh://[user@]host[:port]`."""
    remote: ClassVar[bool]
    """Whether the device is another machine, which needs a copy of the agent."""

    program: ClassVar[str]
    """Name of the program on this machine that reaches the device; empty if none is needed."""
    install: ClassVar[str]
    """How to install that program."""

    def __init__(self, address: str):
        """Prepare to reach a device; nothing is sent yet.

        Args:
            address: The part of the device's name after `://`; empty for `local`.

        Raises:
            ValueError: The address does not have the form that `usage` shows.
            FileNotFoundError: The program that reaches the device is not installed.
        """
        ...

    def open(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a command on the device, with pipes for its standard input and output; its standard error goes to that of this process.

        Args:
            command: The program and its arguments, which reach the device exactly as they are.
        """
        ...

    def lost(self, status: int) -> bool:
        """Whether a command that ended with this exit status ended because the device could not be reached."""
        ...

    def push(self, content: bytes, name: str) -> str:
        """Put an executable file into chiptrack's folder on the device, unless the same file is there.

        The file never appears under its name before it is complete.

        Args:
            content: Content of the file.
            name: Name of the file, without folders.

        Returns:
            Path of the file on the device.

        Raises:
            DeviceLost: The device cannot be reached.
            OSError: The device cannot hold the file; the error names the device and the cause.
        """
        ...

    def run(self, command: Sequence[str], timeout_s: float = 600) -> str:
        """Run a command on the device until it ends.

        Args:
            command: The program and its arguments.
            timeout_s: Seconds that the command may take.

        Returns:
            Standard output and standard error of the command.

        Raises:
            DeviceLost: The device cannot be reached.
            ChildProcessError: The command failed or took longer; the error holds the last lines that it printed.
        """
        ...
