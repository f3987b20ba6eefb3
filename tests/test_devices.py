from latency_tables.devices import devices
from latency_tables.runtimes import RUNTIMES


def test_lists_what_can_be_used():
    record = next(r for r in devices() if r["runtime"] == "onnxruntime")
    assert record["device"] == "local" and record["usable"] and record["version"] and record["install"] is None
    assert record["chip"] and record["cores"] > 0


def test_says_how_to_install_what_is_missing(monkeypatch):
    def missing(self):
        raise ImportError

    monkeypatch.setattr(RUNTIMES["onnxruntime"], "version", missing)
    record = next(r for r in devices() if r["runtime"] == "onnxruntime")
    assert not record["usable"] and record["install"] == "pip install onnxruntime"
