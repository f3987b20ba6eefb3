"""From a board to a bundle in one command."""

import json

import pytest

from search.verbs import cut as cutting
from search.verbs.cut import CuttingOptions, work_files
from supernet import shipped
from supernet.checkpoints import load_tracker, read_header, save_supernet
from supernet.deploy.bundle import load_bundle
from supernet.families import FAMILIES
from supernet.training.initialise import initialise
from tests.commands import run

NANO = FAMILIES["nano"]


@pytest.fixture
def supernet(tmp_path):
    made = NANO.supernet()
    initialise(made, 0)
    save_supernet(tmp_path / "s.safetensors", made, {"seed": 5})
    return tmp_path / "s.safetensors"


def test_an_existing_bundle_is_refused(supernet, tmp_path, capsys):
    (tmp_path / "b").mkdir()
    status, _, err = run(capsys, "cut", "--supernet", supernet, "--out", tmp_path / "b")
    assert status == 2 and "a bundle is never overwritten" in err


def test_an_interrupted_cut_is_resumed_only_when_told(supernet, tmp_path, capsys):
    (tmp_path / "b.cut").mkdir()
    status, _, err = run(capsys, "cut", "--supernet", supernet, "--out", tmp_path / "b")
    assert status == 2 and "add --resume" in err and not (tmp_path / "b").exists()


def test_an_unknown_board_is_refused_before_anything_is_made(supernet, tmp_path, capsys):
    status, _, err = run(capsys, "cut", "--supernet", supernet, "--device", "usb://x", "--out", tmp_path / "b")
    assert status == 2 and "usb://x" in err and not (tmp_path / "b.cut").exists()


def test_the_shipped_supernet_is_the_default():
    assert CuttingOptions().supernet is None and shipped.SUPERNET.name == "elastic.safetensors"


@pytest.mark.slow
def test_a_cut_leads_from_a_board_to_a_bundle_and_resumes(supernet, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cutting, "tuned", lambda checkpoint: (checkpoint, {"taken": False}))
    monkeypatch.setattr(cutting, "_CLIPS", 2)
    words = [
        "cut",
        "--supernet",
        supernet,
        "--runtime",
        "simulated",
        "--networks",
        3,
        "--evaluations",
        3,
        "--pairs",
        64,
        "--workers",
        "local:1",
    ]
    out, work = work_files(tmp_path / "b")
    status, answer, err = run(capsys, *words, "--max-latency", "1000ms", "--out", out, "--json")
    assert status == 0, err
    found = json.loads(answer)
    tracker = load_tracker(work / "tracker.safetensors")
    assert load_bundle(out)[0].architecture.name == tracker.architecture.name == found["architecture"]
    assert found["values"]["latency_ms"] <= 1000 and (work / "search" / "report.html").is_file()
    assert read_header(work / "tracker.safetensors", "tracker")["notes"] == {"supernet": {"seed": 5}, "tuned": {"taken": False}}
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()}
    for path in sorted(out.iterdir()):
        path.unlink()
    out.rmdir()
    status, again, _ = run(capsys, *words, "--max-latency", "1000ms", "--out", out, "--json", "--resume")
    assert status == 0 and json.loads(again) == found
    assert {path: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()} == before
