import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import search.run
from predictors.predictor import Interval
from search.objectives import multiply_adds, predicted_latency
from search.study import read_candidates
from supernet.catalogue import find_architecture
from supernet.checkpoints import save_supernet
from supernet.families import FAMILIES
from supernet.supernet import Supernet, initialise

ROOT = Path(__file__).resolve().parents[1]
SMALL = {"evaluations": 10, "sequences": 2, "rescoring": 3, "frames": 4}


def fake_predictor(path):
    """A millisecond for a million multiply-adds."""

    def predict(architectures):
        value = multiply_adds(FAMILIES["nano"]).of(architectures) / 1e6
        return SimpleNamespace(value=value, low=value - 0.1, high=value + 0.1)

    def missing(architectures):
        return np.zeros(len(architectures))

    return SimpleNamespace(
        family=Path(path).read_text(),
        predict=predict,
        missing=missing,
        complete=True,
        about={"profile": {"device": "fake"}},
        interval=Interval(0.9, 1.1, 0.9),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    supernet = Supernet("nano", "sliced")
    initialise(supernet, seed=0)
    save_supernet(folder / "supernet.safetensors", supernet)
    (folder / "chip.json").write_text("nano")
    (folder / "other.json").write_text("lighttrack")
    return folder


@pytest.fixture(autouse=True)
def _fake(monkeypatch):
    monkeypatch.setattr(search.run, "load_predictor", fake_predictor)


def run(folder: Path, out: str = "run", **settings) -> dict:
    predictor = settings.pop("predictor", [folder / "chip.json"])
    return search.run.search(supernet=folder / "supernet.safetensors", predictor=predictor, out=folder / out, **{**SMALL, **settings})


def start(folder: Path, out: str) -> subprocess.Popen:
    """The same search in a process of its own."""
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\n"
        "from pathlib import Path\n"
        "import search.run, test_search_run as here\n"
        "search.run.load_predictor = here.fake_predictor\n"
        f"here.run(Path({str(folder)!r}), {out!r}, resume=True)\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stderr=subprocess.PIPE)


def finished(out: Path) -> list:
    try:
        return read_candidates(out / "study")
    except (FileNotFoundError, KeyError):  # not begun
        return []


def test_search_writes_everything_and_survives_a_kill(folder):
    """kill -9 in the midst, then the same command again: the study of an undisturbed search, candidate for candidate."""
    summary = run(folder, "whole")
    whole = read_candidates(folder / "whole" / "study")
    assert len(whole) == summary["evaluations"] == 10

    process = start(folder, "killed")
    while len(finished(folder / "killed")) < 4:
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = finished(folder / "killed")
    assert 4 <= len(before) < 10
    run(folder, "killed", resume=True)
    after = read_candidates(folder / "killed" / "study")
    assert [(c.number, c.architecture, c.sequence_ao, c.seconds) for c in after[: len(before)]] == [
        (c.number, c.architecture, c.sequence_ao, c.seconds) for c in before
    ]
    assert [(c.architecture, c.values["ao"]) for c in after] == [(c.architecture, c.values["ao"]) for c in whole]

    check_results(folder / "whole", summary, whole)
    check_refusals(folder)


def check_results(out: Path, summary: dict, candidates: list) -> None:
    front = sorted((out / "front").glob("*.json"))
    assert [path.name for path in front] == [f"{rank:02}.json" for rank in range(1, summary["front"] + 1)]
    assert (out / summary["winner"]["file"]) in front
    for path in front:
        record = json.loads(path.read_text())
        assert find_architecture(str(path)).key == record["key"]
        assert record["candidate"]["sources"].items() >= {"ao": "inherited weights", "latency_ms": "predicted", "macs": "counted"}.items()
        assert record["candidate"]["recommended"] == (summary["winner"]["key"] == record["key"])
    with (out / "candidates.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == [candidate.architecture.key for candidate in candidates]
    assert all(float(row["macs"]) <= FAMILIES["nano"].max_macs for row in rows)
    settings = json.loads((out / "settings.json").read_text())
    assert settings["limits"] == {"max_macs": FAMILIES["nano"].max_macs}
    assert summary == json.loads((out / "summary.json").read_text())
    assert 0 < summary["static_ao"] < 1
    assert "plotly" in (out / "report.html").read_text()


def check_refusals(folder: Path) -> None:
    with pytest.raises(FileExistsError, match="--resume"):
        run(folder, "whole")
    with pytest.raises(ValueError, match="seed differ"):
        run(folder, "whole", resume=True, seed=1)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"strategy": "guess"}, "unknown strategy 'guess'; known: nsga2, random"),
        ({"workers": "cloud:3"}, "unknown workers 'cloud:3'; known: local:N"),
        ({"workers": "local:none"}, "positive number"),
        ({"evaluations": 0}, "evaluations must be at least 1, got 0"),
        ({"sequences": 1}, "sequences must be at least 2"),
        ({"rescoring": 1}, "rescoring must be"),
        ({"max_macs": "-3M"}, "positive number such as 600M"),
        ({"max_macs": "1M"}, "max_macs must leave room .* more"),
        ({"max_latency": "0.5ms"}, "max_latency must leave room .* more"),
        ({"predictor": []}, "at least one predictor"),
    ],
)
def test_nonsense_is_refused_and_nothing_written(folder, settings, message):
    with pytest.raises(ValueError, match=message):
        run(folder, "refused", **settings)
    assert not (folder / "refused").exists()


def test_a_predictor_of_another_family_is_refused(folder):
    with pytest.raises(ValueError, match="is for lighttrack and the supernet holds nano"):
        run(folder, "refused", predictor=[folder / "other.json"])


def test_several_devices_are_several_objectives(folder):
    (folder / "phone.json").write_text("nano")
    family = FAMILIES["nano"]
    models = search.run._predictors([folder / "chip.json", folder / "phone.json"], family)
    latencies = [predicted_latency(model, name) for name, model in models.items()]
    assert [objective.name for objective in latencies] == ["latency_ms:chip", "latency_ms:phone"]
    assert len(search.run._constraints(family, latencies, None, "9ms")) == 3
