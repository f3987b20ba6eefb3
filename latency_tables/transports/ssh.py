"""The transport to a machine through the plain `ssh` program; keys, aliases and jump hosts are those of the user's ssh configuration.

Every command has a connection of its own. A shared connection (ControlMaster) would save a tenth of a second per command, but it hangs
after a cable was pulled and does not notice a changed host key. Users who want it can set it for the host in ~/.ssh/config.
"""

from __future__ import annotations

import re
from typing import ClassVar

from latency_tables.transports.shell import Shell

# an address that ssh cannot take for an option, nor a shell for more than one word
_ADDRESS = re.compile(r"(?:(\w[\w.-]*)@)?(\w[\w.-]*|\[[0-9a-f:.]+(?:%\w[\w.-]*)?\])(?::(\d{1,5}))?", re.ASCII | re.IGNORECASE)
_OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "ConnectTimeout": "10",
    # a pulled cable is noticed within 15 seconds
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "2",
    # no greetings and warnings among what commands print
    "LogLevel": "ERROR",
}


class Ssh(Shell):
    """A machine with an ssh server, to which a key gives access without a password."""

    usage: ClassVar[str] = "ssh://[user@]host[:port]"
    folder: ClassVar[str] = "~/.cache/chiptrack"
    program: ClassVar[str] = "ssh"
    install: ClassVar[str] = "apt install openssh-client"

    def __init__(self, address: str):
        match = _ADDRESS.fullmatch(address)
        if not match or int(match[3] or 22) not in range(1, 65536):
            raise ValueError(f"device ssh://{address} must be written {self.usage}, an IPv6 address in brackets")
        user, host, port = match.groups()
        self._host = host.strip("[]")
        self._port = port
        self._login = [*(["-p", port] if port else []), f"{user}@{self._host}" if user else self._host]
        options = [word for option, value in _OPTIONS.items() for word in ("-o", f"{option}={value}")]
        super().__init__(f"ssh://{address}", ["-T", *options, *self._login, "--"])

    def lost(self, status: int) -> bool:
        return status == 255

    def way_out(self, said: str) -> str:
        login = " ".join(["ssh", *self._login])
        if "HOST IDENTIFICATION HAS CHANGED" in said:
            known = f"[{self._host}]:{self._port}" if self._port else self._host
            return f"another machine answers: if that is right, run `ssh-keygen -R '{known}'`, then `{login}` once and accept the new key"
        if "Host key verification failed" in said:
            return f"run `{login}` once and accept the host key"
        if "Permission denied" in said:
            return f"let your key in with `ssh-copy-id {' '.join(self._login)}`"
        return "check cable and address"
