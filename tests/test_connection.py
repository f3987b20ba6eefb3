import io
import subprocess
import sys
import zipfile
from pathlib import PurePath

import pytest

from latency_tables.measuring.connection import Connection, packed_agent
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
