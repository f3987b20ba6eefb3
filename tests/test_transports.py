import errno
import hashlib
import os
import shutil
import signal
import stat
import threading
import time
from pathlib import Path

import pytest

from latency_tables.transports.adb import Adb
from latency_tables.transports.local import Local
from latency_tables.transports.ssh import Ssh
from latency_tables.transports.transport import DeviceLost

HOSTILE = ["", "-oProxyCommand=touch /tmp/x", "a b", "a;b", "$(id)", "`id`", "a\nb", "a|b", "a'b", 'a"b', "a&b", "ä", "../a"]
WORDS = ["", " ", "two words", "it's", '"', "a\nb", "ünï ☃", "$HOME", "`id`", ";", "*", "\\", "-n", "--", "!", "~", "#", "a\tb "]


@pytest.fixture(params=["local", "sshd", "adbd"])
def place(request, tmp_path, monkeypatch):
    """A transport, and what serves it: None for this machine."""
    if request.param == "local":
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        return Local(""), None
    return reached(server := request.getfixturevalue(request.param)), server


@pytest.fixture(params=["sshd", "adbd"])
def served(request):
    """A transport to another machine, and what serves it."""
    return reached(server := request.getfixturevalue(request.param)), server


def reached(server):
    kind, _, address = server.device.partition("://")
    return {"ssh": Ssh, "adb": Adb}[kind](address)


def content_of(transport, path):
    """The bytes of a file of the device."""
    with transport.open(["cat", path]) as process:
        return process.communicate()[0]


def test_words_arrive_as_they_are(place):
    transport, _ = place
    show = ["python3", "-c", "import sys; print(ascii(sys.argv[1:]))", *WORDS]
    assert transport.run(show).strip() == ascii(WORDS)
    with transport.open(show) as process:
        assert process.communicate()[0].decode().strip() == ascii(WORDS)


def test_streams_carry_every_byte(place):
    transport, _ = place
    content = bytes(range(256)) * 4096
    with transport.open(["cat"]) as process:
        assert process.communicate(content)[0] == content


def test_a_started_command_answers_while_its_input_is_open(place):
    transport, _ = place
    with transport.open(["cat"]) as process:
        for line in (b"one\n", b"two\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == line
        process.stdin.close()
        assert process.wait(10) == 0


def test_the_status_comes_back(place):
    transport, _ = place
    for status in (0, 137):
        with transport.open(["sh", "-c", f"exit {status}"]) as process:
            process.communicate()
        assert process.returncode == status and not transport.lost(process.returncode)


def test_a_run_gives_output_and_errors(place):
    transport, _ = place
    assert transport.run(["sh", "-c", "printf a; printf b >&2"]) == "ab"


def test_a_failed_run_tells_status_and_last_lines(place):
    transport, _ = place
    status = 255  # which also is what ssh and adb say where the connection breaks
    with pytest.raises(ChildProcessError, match=rf"sh on device \S+ must succeed, it ended with status {status}; .*first / second"):
        transport.run(["sh", "-c", f"echo first; echo second >&2; exit {status}"])


def test_a_run_of_no_program_fails(place):
    transport, _ = place
    with pytest.raises(ChildProcessError, match="no-such-program"):
        transport.run(["no-such-program"])


def test_a_run_that_takes_too_long_ends(place):
    transport, _ = place
    start = time.monotonic()
    with pytest.raises(ChildProcessError, match="took too long; it printed last: so far"):
        transport.run(["sh", "-c", "echo so far; sleep 20"], timeout_s=0.5)
    assert time.monotonic() - start < 5


def test_a_command_that_took_too_long_is_not_waited_for_if_something_else_holds_its_output(tmp_path, monkeypatch):
    monkeypatch.setattr("latency_tables.transports.local._END_S", 0.1)
    daemon = f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60' & echo so far; sleep 60"
    with pytest.raises(ChildProcessError, match="took too long; it printed last: so far"):
        Local("").run(["sh", "-c", daemon], timeout_s=0.5)
    daemon_id = int((tmp_path / "pid").read_text())
    assert Path(f"/proc/{daemon_id}").exists()
    os.kill(daemon_id, signal.SIGKILL)


def test_a_run_that_takes_too_long_ends_on_the_device_too(place, tmp_path):
    transport, _ = place
    with pytest.raises(ChildProcessError):
        transport.run(["sh", "-c", f"echo $$ > {tmp_path}/pid; sleep 20"], timeout_s=0.5)
    pid = (tmp_path / "pid").read_text().strip()
    for _ in range(50):  # it has up to two seconds more
        if not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_text():  # a zombie has no words
            return
        time.sleep(0.1)
    raise AssertionError("it runs on")


def test_a_pushed_file_is_whole_and_executable(place):
    transport, _ = place
    content = bytes(range(256)) * 1000
    path = transport.push(content, "a file")
    assert path.endswith("/chiptrack/a file") and content_of(transport, path) == content
    script = transport.push(b"#!/bin/sh\necho ran $1\n", "script")
    assert transport.run([script, "well"]) == "ran well\n"
    assert transport.run(["ls", "-A", path.removesuffix("/a file")]).split("\n") == ["a file", "script", ""]


@pytest.mark.parametrize("content", [b"", b"\n\r\n\x00\xff\nchiptrack:0\n"])
def test_every_byte_of_a_pushed_file_arrives(place, content):
    transport, _ = place
    assert content_of(transport, transport.push(content, "file")) == content


def test_the_same_file_is_pushed_once_and_a_changed_one_again(place):
    transport, _ = place
    path = transport.push(b"one", "file")
    number = transport.run(["stat", "-c", "%i", path])
    assert transport.push(b"one", "file") == path and transport.run(["stat", "-c", "%i", path]) == number
    assert transport.push(b"two", "file") == path and content_of(transport, path) == b"two"


def test_a_full_disk_is_an_error_and_leaves_nothing(served):
    transport, server = served
    if not server.disk_mb:
        pytest.skip("only root can make a small disk")
    path = transport.push(b"old", "file")
    folder = path.removesuffix("/file")
    with pytest.raises(OSError, match=r"must hold file in \S+chiptrack, it says: .*No space left on device; make room") as caught:
        transport.push(bytes(server.disk_mb * 2**20), "file")
    assert caught.value.errno == errno.ENOSPC and server.device in str(caught.value)
    assert content_of(transport, path) == b"old" and transport.run(["ls", "-A", folder]) == "file\n"


def test_a_folder_that_cannot_be_written_is_an_error(place):
    transport, _ = place
    folder = transport.push(b"", "file").removesuffix("/file")
    transport.run(["sh", "-c", 'rm -r "$1" && : > "$1"', "sh", folder])
    with pytest.raises(OSError, match=r"device \S+ must hold .*; make room or rights there"):
        transport.push(b"", "file")


def test_a_lost_device_is_noticed_in_the_middle_and_works_when_it_is_back(served):
    transport, server = served
    path = transport.push(b"here", "file")
    with transport.open(["sh", "-c", "echo up; exec sleep 20"]) as process:
        assert process.stdout.readline() == b"up\n"
        server.stop()
        assert process.stdout.readline() == b"" and transport.lost(process.wait(10))
    for use in (lambda: transport.run(["true"]), lambda: transport.push(b"", "file")):
        with pytest.raises(DeviceLost, match=rf"device {server.device} must be reachable, (ssh|adb) says: \S.*; check cable"):
            use()
    server.start()
    assert content_of(transport, path) == b"here"


def test_a_run_that_loses_its_device_says_so(served):
    transport, server = served
    cut = threading.Timer(0.5, server.stop)
    cut.start()
    with pytest.raises(DeviceLost):
        transport.run(["sh", "-c", "echo halfway; sleep 20"])
    cut.join()


def test_big_files_go_both_ways(served):
    transport, _ = served
    content = hashlib.shake_256(b"").digest(20_000_000)
    assert content_of(transport, transport.push(content, "file")) == content


def test_an_unknown_host_key_is_refused(sshd):
    sshd.forget()
    address = sshd.device.removeprefix("ssh://")
    host, port = address.split(":")
    with pytest.raises(DeviceLost, match=f"; run `ssh -p {port} {host}` once and accept the host key") as caught:
        Ssh(address).run(["true"])
    assert "\n" not in str(caught.value)


def test_a_changed_host_key_is_refused(sshd):
    sshd.stop()
    sshd.new_host_key()
    sshd.start()
    with pytest.raises(DeviceLost, match="another machine answers.*ssh-keygen -R") as caught:
        reached(sshd).run(["true"])
    assert "\n" not in str(caught.value)
    sshd.accept()
    assert reached(sshd).run(["echo", "well"]) == "well\n"


def test_a_key_that_is_not_let_in_is_refused(sshd):
    stranger = Ssh("stranger@" + sshd.device.rpartition("@")[2])
    with pytest.raises(DeviceLost, match="Permission denied.*ssh-copy-id -p"):
        stranger.run(["true"])


def test_an_unknown_serial_is_lost(adbd):
    with pytest.raises(DeviceLost, match="'none' not found; check cable"):
        Adb("none").run(["true"])


@pytest.mark.parametrize("program, transport, package", [("ssh", Ssh, "openssh-client"), ("adb", Adb, "apt install adb.*platform-tools")])
def test_a_missing_program_names_its_package(program, transport, package, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"with {program}, which is not installed; .*{package}"):
        transport("board")


@pytest.mark.parametrize(
    "address", [*HOSTILE, "-v", "u@-v", "-u@h", "@h", "u@", "h:", "h:0", "h:65536", "h:x", "fe80::1", "[h]", "[::1", "a@b@c"]
)
def test_hostile_ssh_addresses_are_refused(address):
    with pytest.raises(ValueError, match="must be written ssh://"):
        Ssh(address)


@pytest.mark.parametrize("address", [*HOSTILE, "-e", "-s"])
def test_hostile_adb_serials_are_refused(address):
    with pytest.raises(ValueError, match="must be written adb://"):
        Adb(address)


def stand_in(path):
    """A program that prints its words, in place of one that may not be installed."""
    path.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    path.chmod(0o755)


@pytest.mark.parametrize(
    "address, words",
    [
        ("board", ["board"]),
        ("me@board.lan", ["me@board.lan"]),
        ("me@10.0.0.2:2222", ["-p", "2222", "me@10.0.0.2"]),
        ("[fe80::1%eth0]:22", ["-p", "22", "fe80::1%eth0"]),
        ("me@[::1]", ["me@::1"]),
    ],
)
def test_ssh_addresses_become_words(address, words, monkeypatch, tmp_path):
    stand_in(tmp_path / "ssh")
    monkeypatch.setenv("PATH", str(tmp_path))
    with Ssh(address).open(["true"]) as process:
        shown = process.communicate()[0].decode().split()
    assert shown[-2 - len(words) :] == [*words, "--", "true"]


@pytest.mark.parametrize(
    "address", ["emulator-5554", "R58M123ABC", "192.168.1.5:5555", "[fe80::1]:5555", "adb-R58-x._adb-tls-connect._tcp"]
)
def test_adb_serials_are_taken(address, monkeypatch, tmp_path):
    stand_in(tmp_path / "adb")
    monkeypatch.setenv("PATH", str(tmp_path))
    with Adb(address).open(["true"]) as process:
        assert process.communicate()[0].decode().split() == ["-s", address, "shell", "-T", "true"]


def test_local_has_no_address():
    with pytest.raises(ValueError, match="takes no address"):
        Local("host")


def test_local_files_go_to_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = Path(Local("").push(b"x", "file"))
    assert path == tmp_path / "chiptrack" / "file" and stat.S_IMODE(path.stat().st_mode) == 0o755


def test_an_interrupt_reaches_the_caller_alone():
    with Local("").open(["python3", "-c", "import os; print(os.getsid(0))"]) as process:
        assert int(process.communicate()[0]) == process.pid


def test_a_greeting_of_the_login_is_no_folder(sshd, monkeypatch, tmp_path):
    greeting = tmp_path / "ssh"
    greeting.write_text(f'#!/bin/sh\necho welcome\nexec {shutil.which("ssh")} "$@"\n')
    greeting.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    device = Ssh(sshd.device.removeprefix("ssh://"))
    path = device.push(b"content", "greeted")
    assert path == device.push(b"content", "greeted") and path.endswith("/chiptrack/greeted")
    assert content_of(device, path) == b"welcome\ncontent"
