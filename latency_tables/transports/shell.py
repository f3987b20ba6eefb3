"""What the transports ssh and adb have in common: a device with a POSIX shell that is reached through a program on this machine.

The exit status of that program does not tell whether the connection broke: adb 29 then ends with 0, later versions and ssh with 255,
and a command on the device may end with either. So a script on the device prints the command's exit status as its last line; if that
line is missing, the device counts as lost.
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

# a command that takes too long must be ended on the device as well, where it would disturb the next measurement
_STATE = r"""
if command -v timeout > /dev/null; then timeout "$0" "$@"; else "$@"; fi
printf '\nchiptrack:%d\n' $?
"""
_STATED = re.compile(rb"\nchiptrack:(\d+)\n\Z")
# the lines are marked with folder= and sum=, because a login script of the device may print a greeting before them
_FIND = 'mkdir -p {folder} && cd {folder} && echo "folder=$(pwd)" && if [ -f "./$1" ]; then echo "sum=$(sha256sum < "./$1")"; fi'
# $$ in the temporary name keeps two callers apart; a file that arrives incomplete or finds no room is removed again
_WRITE = """
cd {folder} && new="./.$1.$$" && trap 'rm -f "$new"' EXIT && cat > "$new" || exit 1
case "$(sha256sum < "$new")" in "$2"*) ;; *) echo "it did not arrive whole" >&2; exit 1 ;; esac
chmod 755 "$new" && mv -f "$new" "./$1"
"""


class Shell:
    """A device that is reached through a program whose last argument is a command line for the device's shell."""

    remote: ClassVar[bool] = True
    folder: ClassVar[str]
    """Folder on the device for chiptrack's files, as the device's shell understands it."""
    program: ClassVar[str]
    install: ClassVar[str]

    def __init__(self, name: str, words: Sequence[str]):
        """Prepare to reach a device; nothing is sent yet.

        Args:
            name: Name of the device, for messages.
            words: Arguments of the program that precede the command line.

        Raises:
            FileNotFoundError: The program is not installed on this machine.
        """
        if not shutil.which(self.program):
            raise FileNotFoundError(f"device {name} is reached with {self.program}, which is not installed; {self.install}")
        self._name = name
        self._program = [self.program, *words]

    def way_out(self, said: str) -> str:
        """What the user can do about a lost device, for an error message.

        Args:
            said: What the program printed to standard error.
        """
        raise NotImplementedError

    def open(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return start([*self._program, shlex.join(command)])

    def push(self, content: bytes, name: str) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        said = self._keep(name, _FIND, name).decode(errors="replace")
        found = dict(re.findall("^(folder|sum)=(.*)$", said, re.MULTILINE))
        if "folder" not in found:
            raise OSError(
                errno.EIO, f"device {self._name} must say where {self.folder} is, it says: {said.strip()!r:.80}; is its shell whole?"
            )
        if not found.get("sum", "").startswith(sha256):
            self._keep(name, _WRITE, name, sha256, content=content)
        return f"{found['folder']}/{name}"

    def run(self, command: Sequence[str], timeout_s: float = 600) -> str:
        return self._finish(command, timeout_s=timeout_s).text(self._name, command)

    def _keep(self, name: str, script: str, *words: str, content: bytes = b"") -> bytes:
        """Run one of the scripts that keep a file on the device, and return what it prints.

        Args:
            name: Name of the file, for the error.
            script: The script, with `{folder}` for chiptrack's folder.
            words: Arguments of the script.
            content: Standard input of the script.

        Raises:
            OSError: The script failed, so the device cannot hold the file.
        """
        ended = self._finish(["sh", "-c", script.format(folder=self.folder), "sh", *words], content)
        if ended.status != 0:
            said = _last_line(ended.err)
            code = errno.ENOSPC if "No space left on device" in said else errno.EIO
            raise OSError(code, f"device {self._name} must hold {name} in {self.folder}, it says: {said}; make room or rights there")
        return ended.out

    def _finish(self, command: Sequence[str], content: bytes = b"", timeout_s: float = 600) -> Ended:
        """Run a command on the device until it ends or takes too long; raises `DeviceLost` if it did not report its exit status."""
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
    """The last line of what a program printed, or `nothing`."""
    return text.decode(errors="replace").strip().rpartition("\n")[2] or "nothing"
