"""A device with a POSIX shell, reached through a program of this machine: what ssh and adb have in common.

How that program ends proves nothing: where the connection breaks, adb 29 ends with status 0, later ones and ssh with 255, as a
command may. So a command that is run to its end states its own status, last of all; without that statement the device is lost.
"""

from __future__ import annotations

import errno
import hashlib
import math
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from typing import ClassVar

from latency_tables.transports.local import Ended, finish, start
from latency_tables.transports.transport import DeviceLost

# a command that took too long has to end on the device as well, where it would disturb what is measured next
_STATE = r"""
if command -v timeout > /dev/null; then timeout "$0" "$@"; else "$@"; fi
printf '\nchiptrack:%d\n' $?
"""
_STATED = re.compile(rb"\nchiptrack:(\d+)\n\Z")
# marked, because a login file of the device may print a greeting before
_FIND = 'mkdir -p {folder} && cd {folder} && echo "folder=$(pwd)" && if [ -f "./$1" ]; then echo "sum=$(sha256sum < "./$1")"; fi'
# $$ keeps two callers apart; what arrives in part or does not fit goes away again
_WRITE = """
cd {folder} && new="./.$1.$$" && trap 'rm -f "$new"' EXIT && cat > "$new" || exit 1
case "$(sha256sum < "$new")" in "$2"*) ;; *) echo "it did not arrive whole" >&2; exit 1 ;; esac
chmod 755 "$new" && mv -f "$new" "./$1"
"""


class Shell:
    """A device behind a program that takes a line for the device's shell as its last word."""

    remote: ClassVar[bool] = True
    folder: ClassVar[str]
    """Where chiptrack's files go, written for the device's shell."""
    program: ClassVar[str]
    install: ClassVar[str]

    def __init__(self, name: str, words: Sequence[str]):
        """Take the device's name, and the words that follow the program's name."""
        if not shutil.which(self.program):
            raise FileNotFoundError(f"device {name} is reached with {self.program}, which is not installed; {self.install}")
        self._name = name
        self._program = [self.program, *words]

    def way_out(self, said: str) -> str:
        """What to do where the device is lost and the program said this."""
        raise NotImplementedError

    def open(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return start([*self._program, shlex.join(command)])

    def push(self, content: bytes, name: str) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        found = dict(re.findall("^(folder|sum)=(.*)$", self._keep(name, _FIND, name).decode(), re.MULTILINE))
        if not found.get("sum", "").startswith(sha256):
            self._keep(name, _WRITE, name, sha256, content=content)
        return f"{found['folder']}/{name}"

    def run(self, command: Sequence[str], timeout_s: float = 600) -> str:
        return self._finish(command, timeout_s=timeout_s).text(self._name, command)

    def _keep(self, name: str, script: str, *words: str, content: bytes = b"") -> bytes:
        """Run a script in chiptrack's folder; its failure means that the device cannot hold the file."""
        ended = self._finish(["sh", "-c", script.format(folder=self.folder), "sh", *words], content)
        if ended.status != 0:
            said = _last_line(ended.err)
            code = errno.ENOSPC if "No space left on device" in said else errno.EIO
            raise OSError(code, f"device {self._name} must hold {name} in {self.folder}, it says: {said}; make room or rights there")
        return ended.out

    def _finish(self, command: Sequence[str], content: bytes = b"", timeout_s: float = 600) -> Ended:
        limit = str(math.ceil(timeout_s) + 1)
        ended = finish([*self._program, shlex.join(["sh", "-c", _STATE, limit, *command])], content, timeout_s)
        stated = _STATED.search(ended.out)
        if stated:
            return Ended(int(stated[1]), ended.out[: stated.start()], ended.err)
        if ended.status is None:
            return ended
        said = ended.err.decode(errors="replace")
        raise DeviceLost(f"device {self._name} must be reachable, {self._program[0]} says: {_last_line(ended.err)}; {self.way_out(said)}")


def _last_line(text: bytes) -> str:
    return text.decode(errors="replace").strip().rpartition("\n")[2] or "nothing"
