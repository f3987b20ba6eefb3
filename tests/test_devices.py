import pytest

from latency_tables.agent import Agent
from latency_tables.devices import devices, find_device, find_runtime
from latency_tables.programs import PROGRAMS
from latency_tables.runtimes import RUNTIMES
from latency_tables.transports import TRANSPORTS


def test_lists_what_can_be_used():
    records = devices()
    assert [record["runtime"] for record in records] == [*RUNTIMES, *PROGRAMS]
    record = next(r for r in records if r["runtime"] == "onnxruntime")
    assert record["device"] == "local" and record["usable"] and record["version"] and record["install"] is None
    assert record["chip"] and record["cores"] > 0 and record["precisions"][0] == "fp32"


def test_says_how_to_install_what_is_missing(monkeypatch, tmp_path):
    def missing(self):
        raise ImportError("pip install it")

    monkeypatch.setattr(RUNTIMES["onnxruntime"], "version", missing)
    found = Agent(RUNTIMES["simulated"]("fp32"), 1, tmp_path).answer({"do": "runtimes"})["runtimes"]
    assert found["onnxruntime"] == {"version": None, "install": "pip install it"}
    assert found["simulated"]["version"]


@pytest.mark.parametrize("name", ["", "loc", "ftp://x", "ssh:/x"])
def test_what_is_no_device_is_refused_with_the_ways_to_write_one(name):
    with pytest.raises(ValueError, match="device must be local") as error:
        find_device(name)
    assert all(transport.usage in str(error.value) for transport in TRANSPORTS.values())


def test_an_unknown_runtime_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown runtime 'abacus'") as error:
        find_runtime("abacus")
    assert all(name in str(error.value) for name in (*RUNTIMES, *PROGRAMS))
