"""A database for tests: a real PostgreSQL server that only this machine can reach, which can be ended and started again.

The fixture gives an object with `url`, an empty database of its own; `stop()` ends the server as a crash would, `start()` brings it back.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest


class Postgres:
    """A server on a port of the loopback interface. It refuses to be run by root, and then runs as its own user."""

    def __init__(self, programs: Path, folder: Path):
        self._programs = programs
        self._data = folder / "data"
        self._log = folder / "log"
        self._user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        if self._user:
            shutil.chown(folder, "postgres", "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = str(free.getsockname()[1])
        self._run("initdb", "--no-sync", "--auth=trust", "--username=chiptrack", "--encoding=UTF8", "--locale=C", "-D", self._data)
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(f"listen_addresses='127.0.0.1'\nport={self._port}\nunix_socket_directories=''\nfsync=off\n")
        self._running = False
        self._databases = 0
        self.url = ""

    def start(self) -> None:
        self._run("pg_ctl", "start", "--wait", "-D", self._data, "-l", self._log)
        self._running = True

    def stop(self) -> None:
        if self._running:
            self._run("pg_ctl", "stop", "--wait", "--mode=immediate", "-D", self._data)
        self._running = False

    def reset(self) -> None:
        """As at first: running, and with an empty database."""
        if not self._running:
            self.start()
        self._databases += 1
        name = f"studies{self._databases}"
        self._run("createdb", "-h", "127.0.0.1", "-p", self._port, "-U", "chiptrack", name)
        self.url = f"postgresql://chiptrack@127.0.0.1:{self._port}/{name}"

    def _run(self, program: str, *words: str | Path) -> None:
        with tempfile.TemporaryFile() as said:  # a pipe would stay open as long as the server
            done = subprocess.run([*self._user, self._programs / program, *words], stdout=said, stderr=said, cwd="/")
            said.seek(0)
            assert done.returncode == 0, said.read().decode()


@pytest.fixture(scope="session")
def _postgres():
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not on PATH; .ci/install-database installs it, from Debian's package postgresql")
    with tempfile.TemporaryDirectory(prefix="chiptrack-postgres-") as folder:  # pytest's own folders are closed to other users
        server = Postgres(programs, Path(folder))
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def postgres(_postgres):
    """A server that runs, and an empty database."""
    _postgres.reset()
    return _postgres


def _programs() -> Path | None:
    """Where PostgreSQL's own programs are; Debian keeps them out of the way, and psql on PATH."""
    if not shutil.which("psql") and not shutil.which("initdb"):
        return None
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    at_hand = shutil.which("initdb")
    return found[-1].parent if found else Path(at_hand).resolve().parent if at_hand else None
