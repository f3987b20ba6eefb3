import io
import subprocess
import sys
import zipfile
from pathlib import PurePath

import pytest

from latency_tables.measuring import connection as module
from latency_tables.measuring.connection import AgentDied, Connection, packed_agent
from latency_tables.transports.local import Local


@pytest.mark.parametrize("said", ["Welcome to this board!", "42", "{"])
def test_a_device_that_greets_is_told_to_be_quiet(said):
    local = Local("")
    with Connection(local.open([sys.executable, "-c", f"print({said!r})"]), local) as connection:
        with pytest.raises(
            ConnectionError, match="must answer with JSON objects, it said .*; have the device's login scripts print nothing"
        ):
            connection.info()


def test_the_packed_agent_holds_no_more_than_two_folders_and_is_the_same_each_time():
    assert packed_agent() == packed_agent() and len(packed_agent()) < 100_000
    names = set(zipfile.ZipFile(io.BytesIO(packed_agent())).namelist())
    packages = {"latency_tables/__init__.py", "supernet/__init__.py"}
    assert packages < names
    assert {str(PurePath(name).parent) for name in names - packages} == {".", "latency_tables/agent", "supernet/runtimes"}


def test_the_packed_agent_needs_nothing_but_the_standard_library(tmp_path):
    (tmp_path / "agent.pyz").write_bytes(packed_agent())
    alone = [sys.executable, "-I", "-S", tmp_path / "agent.pyz", "simulated", "fp32", "1", "", ""]
    said = subprocess.run(alone, input=b'{"do": "info"}\n', capture_output=True, cwd=tmp_path, timeout=60)
    assert b'"version": "roofline-1"' in said.stdout and said.stderr == b""


@pytest.mark.parametrize(
    "agent, what, status",
    [
        ("", "info", "0"),  # it ends before it has read anything
        ("import os; os.kill(os.getpid(), 9)", "info", "-9"),
        ("print('{', end='', flush=True); import os; os.kill(os.getpid(), 9)", "info", "-9"),  # in the middle of an answer
        ("import time; time.sleep(60)", "info", "-9"),  # it hangs, and does not answer
        ("import time; time.sleep(60)", "store", "-9"),  # it hangs, and takes no more than the pipe holds
        ("import sys; sys.stdin.read(1); import os; os.kill(os.getpid(), 9)", "store", "-9"),  # while a model is sent
    ],
)
def test_an_agent_that_dies_or_hangs_at_any_time_is_told(monkeypatch, agent, what, status):
    monkeypatch.setattr(module, "_ANSWER_S", 0.5)
    monkeypatch.setattr(module, "_END_S", 0.1)
    local = Local("")
    with Connection(local.open([sys.executable, "-S", "-c", agent]), local) as connection:
        with pytest.raises(AgentDied, match=f"^the agent on the device ended with status {status} at request '{what}'$"):
            connection.info() if what == "info" else connection.store(bytes(1 << 20))


def test_a_large_model_reaches_an_agent_whole():
    local = Local("")
    echo = "import hashlib, json, sys; print(json.dumps({'mb': json.loads(sys.stdin.readline())['sha256'] != 0}))"
    with Connection(local.open([sys.executable, "-S", "-c", echo]), local) as connection:
        connection.store(bytes(3 << 20))
