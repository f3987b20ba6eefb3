"""Devices for tests: real daemons that only this machine can reach, which can be unplugged in the middle.

A fixture gives an object with `device`, the name to measure on; `stop()` pulls the cable and `start()` plugs it in again. Python on
the device is this machine's own. `disk_mb` is how much its folder holds, None where that could not be limited.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

_DISK_MB = 64
_PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


class Sshd:
    """OpenSSH's server on a port of the loopback interface, open to one key, with a home folder of its own."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._daemon: subprocess.Popen | None = None
        self.home = folder / "home"
        self.home.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.device = f"ssh://{pwd.getpwuid(os.getuid()).pw_name}@127.0.0.1:{self._port}"
        mount = f'mount -t tmpfs -o size={_DISK_MB}m tmpfs "$1"; echo; exec sleep infinity'
        # only the real root may both mount and let users in
        self._holder = _hold(["-m"], mount, self.home) if os.getuid() == 0 else None
        self.disk_mb = _DISK_MB if self._holder else None
        (folder / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{self._port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/key.pub\nPidFile none\n"
            f"StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nSetEnv HOME={self.home}\n"
        )
        (folder / "ssh_config").write_text(
            f"IdentityFile {folder}/key\nIdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {folder}/known_hosts\n"
            "GlobalKnownHostsFile /dev/null\nKexAlgorithms curve25519-sha256\n"  # the default takes half as long again
        )
        _key(folder / "key")
        self.new_host_key()
        wrapper = folder / "bin" / "ssh"
        wrapper.parent.mkdir()
        wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n')
        wrapper.chmod(0o755)
        self.environment = {"PATH": f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"}
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)

    def new_host_key(self) -> None:
        """Become another machine, from the next start on."""
        _key(self._folder / "host")

    def accept(self) -> None:
        """Have the user know the host key."""
        name, key = f"[127.0.0.1]:{self._port}", (self._folder / "host.pub").read_text()
        (self._folder / "known_hosts").write_text(f"{name} {key}")

    def forget(self) -> None:
        """Have the user know no host key."""
        (self._folder / "known_hosts").unlink()

    def start(self) -> None:
        command = [shutil.which("sshd", path=_PATH), "-D", "-e", "-f", self._folder / "sshd_config"]
        with (self._folder / "sshd.log").open("a") as log:
            self._daemon = subprocess.Popen([*_inside(self._holder, "-m"), *command], stderr=log)
        _until(lambda: socket.create_connection(("127.0.0.1", self._port), 1).close())

    def stop(self) -> None:
        if self._daemon:
            _end(self._daemon)

    def reset(self) -> None:
        """As at first: plugged in, known and empty."""
        if not self._daemon or self._daemon.poll() is not None:
            self.start()
        self.accept()
        subprocess.run([*_inside(self._holder, "-m"), "rm", "-rf", self.home / ".cache"], check=True)

    def close(self) -> None:
        self.stop()
        if self._holder:
            _end(self._holder)


class Adbd:
    """Android's daemon in a network of its own, as it lets everybody in; adb's server is in there too and heard through a file."""

    disk_mb = _DISK_MB

    def __init__(self, folder: Path):
        self._folder = folder
        self._daemon: subprocess.Popen | None = None
        self._guard, self._port = _vsock()
        self._serial = f"127.0.0.1:{self._port}"
        self.device = f"adb://{self._serial}"
        self.environment = {"ADB_SERVER_SOCKET": f"localfilesystem:{folder}/socket"}
        (folder / "root").mkdir()
        self._holder = _hold(["-n", "-m"], _ADB_SERVER, folder)
        if not self._holder:
            pytest.skip("adbd needs a network of its own, which this user may not make")
        _until(lambda: (folder / "socket").stat())

    def start(self) -> None:
        inside = [
            *_inside(self._holder, "-n", "-m"),
            shutil.which("chroot", path=_PATH),
            self._folder / "root",
            shutil.which("adbd", path=_PATH),
        ]
        environment = {**os.environ, "ADBD_PORT": str(self._port)}
        with (self._folder / "adbd.log").open("a") as log:
            self._daemon = subprocess.Popen(inside, stderr=log, env=environment, pass_fds=[self._guard] if self._guard else [])
        self._adb("disconnect", self._serial)
        _until(lambda: self._adb("connect", self._serial).index("connected to"))
        _until(lambda: self._adb("-s", self._serial, "get-state").index("device\n"))

    def stop(self) -> None:
        if self._daemon:
            _end(self._daemon)

    def reset(self) -> None:
        """As at first: plugged in and empty."""
        if not self._daemon or self._daemon.poll() is not None:
            self.start()
        subprocess.run([*_inside(self._holder, "-m"), "rm", "-rf", self._folder / "root/data/local/tmp/chiptrack"], check=True)

    def close(self) -> None:
        self.stop()
        _end(self._holder)
        if self._guard:
            os.close(self._guard)

    def _adb(self, *words: str) -> str:
        environment = {**os.environ, **self.environment}
        return subprocess.run(["adb", *words], capture_output=True, text=True, timeout=30, env=environment).stdout


# the device has all folders of this machine, and a /data of its own
_ADB_SERVER = f"""
ip link set lo up
mount -t tmpfs tmpfs "$1/root"
for path in /*; do
    if [ -L "$path" ]; then cp -P "$path" "$1/root$path"; else [ ! -d "$path" ] || {{ mkdir "$1/root$path"; mount --rbind "$path" "$1/root$path"; }}; fi
done
mkdir -p "$1/root/data/local/tmp"
mount -t tmpfs -o size={_DISK_MB}m tmpfs "$1/root/data/local/tmp"
echo
HOME="$1" exec adb -L "localfilesystem:$1/socket" server nodaemon 2> "$1/server.log"
"""


@pytest.fixture(scope="session")
def _sshd(tmp_path_factory):
    _need({"ssh": "openssh-client", "sshd": "openssh-server"})
    device = Sshd(tmp_path_factory.mktemp("sshd"))
    try:
        yield device
    finally:
        device.close()


@pytest.fixture(scope="session")
def _adbd(tmp_path_factory):
    _need({"adb": "adb", "adbd": "adbd", "unshare": "util-linux", "ip": "iproute2"})
    device = Adbd(tmp_path_factory.mktemp("adbd"))
    try:
        yield device
    finally:
        device.close()


@pytest.fixture
def sshd(_sshd, monkeypatch):
    """A machine reached over ssh."""
    return _at_hand(_sshd, monkeypatch)


@pytest.fixture
def adbd(_adbd, monkeypatch):
    """A machine reached over adb."""
    return _at_hand(_adbd, monkeypatch)


def _at_hand(device: Sshd | Adbd, monkeypatch: pytest.MonkeyPatch) -> Sshd | Adbd:
    for name, value in device.environment.items():
        monkeypatch.setenv(name, value)
    device.reset()
    return device


def _need(programs: dict[str, str]) -> None:
    for program, package in programs.items():
        if not shutil.which(program):
            pytest.skip(f"{program} is not on PATH; .ci/install-devices installs it, from Debian's package {package}")


def _key(path: Path) -> None:
    for old in (path, path.with_suffix(".pub")):
        old.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)


def _hold(kinds: list[str], script: str, folder: Path) -> subprocess.Popen | None:
    """Keep namespaces of these kinds, prepared by a script that prints a line when it is done; None where there can be none."""
    own = [] if os.getuid() == 0 else ["-r"]
    if subprocess.run(["unshare", *own, *kinds, "true"], stderr=subprocess.DEVNULL).returncode:
        return None
    holder = subprocess.Popen(
        ["unshare", *own, *kinds, "sh", "-ec", script, "sh", folder], stdout=subprocess.PIPE, env={**os.environ, "PATH": _PATH}
    )
    assert holder.stdout
    with holder.stdout:
        assert holder.stdout.readline(), "the namespace could not be prepared"
    return holder


def _inside(holder: subprocess.Popen | None, *kinds: str) -> list[str]:
    own = [] if os.getuid() == 0 else ["-U", "--preserve-credentials"]
    return ["nsenter", "-t", str(holder.pid), *own, *kinds] if holder else []


def _vsock() -> tuple[int | None, int]:
    """Occupy a port of the virtual machine's socket to its host, where adbd listens as well and which belongs to no network.

    Returns:
        The file, which the daemon is to inherit, None where this machine has no such thing; and the port.
    """
    try:
        guard = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    except OSError:
        return None, 20000
    for port in range(20000 + os.getpid() % 20000, 60000):
        try:
            guard.bind((socket.VMADDR_CID_ANY, port))
            return guard.detach(), port
        except OSError:
            continue
    raise AssertionError("no port is free")


def _until(attempt) -> None:
    """Try every few milliseconds, for half a minute: one attempt to connect with adb may take ten seconds."""
    end = time.monotonic() + 30
    while True:
        try:
            return attempt()
        except (OSError, ValueError):
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def _end(process: subprocess.Popen) -> None:
    """Kill a process, then all that it started, so that it cannot tell anybody of their end."""
    for pid in _family(process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()


def _family(pid: int) -> list[int]:
    children = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += map(int, thread.read_text().split())
        except OSError:  # a thread that has just ended
            continue
    return [pid, *(each for child in children for each in _family(child))]
