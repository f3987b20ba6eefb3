import pytest

from latency_tables.agent.serving import Agent
from latency_tables.devices import devices
from latency_tables.programs.programs import PROGRAMS
from supernet.runtimes import RUNTIMES


def test_lists_what_can_be_used():
    records = devices()
    assert [record["runtime"] for record in records] == [*RUNTIMES, *PROGRAMS, None, None]
    record = next(r for r in records if r["runtime"] == "onnxruntime")
    assert record["device"] == "local" and record["usable"] and record["version"] and record["install"] is None
    assert record["chip"] and record["cores"] > 0 and record["precisions"][0] == "fp32"


def test_lists_the_places_and_what_they_lack(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("latency_tables.devices.open_agent", Silent)
    (tmp_path / "ssh").write_text("#!/bin/sh\n")
    (tmp_path / "ssh").chmod(0o755)
    ssh, adb = devices()[-2:]
    assert ssh["device"].startswith("ssh://") and ssh["usable"] and ssh["install"] is None
    assert adb["device"].startswith("adb://") and not adb["usable"] and "apt install adb" in adb["install"]


class Silent:
    """An agent on a device without runtimes."""

    def __init__(self, *_, **__): ...

    def __enter__(self):
        return self

    def __exit__(self, *_): ...

    def info(self):
        return {"chip": "a chip", "cores": 4}

    def runtimes(self):
        return {}


def test_a_device_without_an_agent_says_what_to_do():
    with pytest.raises(ConnectionError, match="must run an agent.* name it with --python"):
        devices(python="/no/python")


def test_says_how_to_install_what_is_missing(monkeypatch, tmp_path):
    def missing(self):
        raise ImportError("pip install it")

    monkeypatch.setattr(RUNTIMES["onnxruntime"], "version", missing)
    found = Agent(RUNTIMES["simulated"]("fp32"), 1, tmp_path).answer({"do": "runtimes"})["runtimes"]
    assert found["onnxruntime"] == {"version": None, "install": "pip install it"}
    assert found["simulated"]["version"]
