import csv
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search.problem.specification import Limits
from search.study.study import read_candidates
from search.verbs.search import JudgingOptions, RunningOptions, search
from supernet.catalogue import find_architecture
from supernet.checkpoints import save_supernet
from supernet.families import FAMILIES
from supernet.training.initialise import initialise

ROOT = Path(__file__).resolve().parents[1]
SMALL = {"evaluations": 8, "pairs": 64, "sequences": 2, "rescoring": 3, "frames": 4, "unmeasured": True}
GROUPS = {"limits": Limits, "judging": JudgingOptions, "running": RunningOptions}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    supernet = FAMILIES["nano"].supernet()
    initialise(supernet, seed=0)
    save_supernet(folder / "supernet.safetensors", supernet)
    shutil.copy(Path(__file__).parent / "data" / "predictor-3.json", folder / "chip.json")
    return folder


def run(folder: Path, out: str = "run", **settings) -> dict:
    """A small search; settings go into the group that has them."""
    settings = {"predictor": [folder / "chip.json"], **SMALL, **settings}
    groups = {}
    for group, kind in GROUPS.items():
        fields = {field.name for field in dataclasses.fields(kind)} & settings.keys()
        groups[group] = kind(**{name: settings.pop(name) for name in fields})
    return search(supernet=folder / "supernet.safetensors", out=folder / out, **settings, **groups)


def start(folder: Path, out: str) -> subprocess.Popen:
    """The same search in a process of its own."""
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\n"
        "from pathlib import Path\n"
        "import test_search_verb as here\n"
        f"here.run(Path({str(folder)!r}), {out!r}, resume=True)\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stderr=subprocess.PIPE)


def finished(out: Path) -> list:
    try:
        return read_candidates(out / "study")
    except (FileNotFoundError, ValueError):  # not begun
        return []


@pytest.fixture(scope="module")
def summary(folder):
    """What an undisturbed search answers, whose files are in the folder `whole`."""
    return run(folder, "whole")


def test_search_writes_everything(folder, summary):
    whole = read_candidates(folder / "whole" / "study")
    assert len(whole) == summary["evaluations"] == 8
    check_results(folder / "whole", summary, whole)
    check_refusals(folder)


@pytest.mark.slow
def test_search_survives_a_kill(folder, summary):
    """kill -9 in the midst, then the same command again: the study of an undisturbed search, candidate for candidate."""
    process = start(folder, "killed")
    while len(finished(folder / "killed")) < 3:
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = finished(folder / "killed")
    assert 3 <= len(before) < 8
    run(folder, "killed", resume=True)
    after = read_candidates(folder / "killed" / "study")
    assert [(c.number, c.architecture, c.scores, c.seconds) for c in after[: len(before)]] == [
        (c.number, c.architecture, c.scores, c.seconds) for c in before
    ]
    for name in ("candidates.csv", *(f"front/{rank:02}.json" for rank in range(1, summary["front"] + 1))):
        assert (folder / "killed" / name).read_bytes() == (folder / "whole" / name).read_bytes()


def check_results(out: Path, summary: dict, candidates: list) -> None:
    front = sorted((out / "front").glob("*.json"))
    assert [path.name for path in front] == [f"{rank:02}.json" for rank in range(1, summary["front"] + 1)]
    assert (out / summary["winner"]["file"]) in front
    for path in front:
        record = json.loads(path.read_text())
        assert find_architecture(str(path)).key == record["key"]
        assert record["candidate"]["sources"].items() >= {"fit": "inherited weights", "latency_ms": "predicted", "macs": "counted"}.items()
        assert record["candidate"]["recommended"] == (summary["winner"]["key"] == record["key"])
    with (out / "candidates.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == [candidate.architecture.key for candidate in candidates]
    assert all(float(row["macs"]) <= FAMILIES["nano"].max_macs for row in rows)
    assert all(
        0 <= float(row["iou"]) <= 1 and float(row["loss"]) > 0 and float(row["params"]) > 0 and row["strategy"] == "guided" for row in rows
    )
    settings = json.loads((out / "settings.json").read_text())
    assert settings["limits"] == {"max_macs": FAMILIES["nano"].max_macs}
    assert [objective["name"] for objective in settings["objectives"]] == ["fit", "latency_ms"]
    assert summary == json.loads((out / "summary.json").read_text())
    assert 0 < summary["static_ao"] < 1 and summary["noise"]["calibration"] >= 0 and summary["verified"]["measured"] == {}
    assert sum(bool(candidate.recalibrated) for candidate in candidates) == min(3, summary["front"])
    assert sum("ao" in candidate.rescored for candidate in candidates) == summary["rescored"] >= 1
    assert all({kind: len(each) for kind, each in c.scores.items()} == {"loss": 2, "fit": 2, "iou": 2} for c in candidates)
    for candidate in candidates:  # all eight are members of the front or references
        again = {kind: len(each) for kind, each in candidate.rescored.items()}
        assert again == {"loss": 2, "fit": 2, "iou": 2, **({"ao": 3, "auc": 3} if "ao" in again else {})}
    assert summary["reliability"]["candidates"] == 8 and summary["reliability"]["groups"] == 2
    assert ("warning" in summary) == (summary["reliability"]["halves"] < 0.8) and isinstance(summary["optimism"], float)
    if "warning" in summary:
        assert next(iter(summary)) == "warning" and "--pairs" in summary["warning"]
    assert len(list((out / "pairs").iterdir())) == 2  # of the search, and new ones
    assert "plotly" in (out / "report.html").read_text()


def check_refusals(folder: Path) -> None:
    with pytest.raises(FileExistsError, match="--resume"):
        run(folder, "whole")
    with pytest.raises(ValueError, match="seed differ"):
        run(folder, "whole", resume=True, seed=1)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"strategy": "guess"}, "a strategy must be one of .*guided.*random.*, got 'guess'"),
        ({"workers": "cloud:3"}, "unknown workers 'cloud:3'; known: local:N, ray"),
        ({"workers": "local:none"}, "positive number"),
        ({"evaluations": 0}, "evaluations must be at least 1, got 0"),
        ({"pairs": 100}, "pairs must be a multiple of 32 and at least 64, got 100"),
        ({"pairs": 32}, "pairs must be a multiple of 32 and at least 64, got 32"),
        ({"objectives": ["presence", "latency"]}, "presence must be an output of the family's networks"),
        ({"sequences": 1}, "sequences must be at least 2"),
        ({"rescoring": 1}, "rescoring must be"),
        ({"max_macs": "-3M"}, "positive number such as 600M"),
        ({"max_macs": "1M"}, "max_macs is .* more"),
        ({"max_latency": ["0.05ms"]}, "max_latency is .* more"),
        ({"predictor": []}, "at least one predictor"),
        ({"objectives": ["ao", "beauty"]}, "unknown objective 'beauty'"),
        ({"data": "films"}, "DATASET:ROOT"),
        ({"device": "warp"}, "'warp' is not"),
        ({"database": "mysql://here/there"}, "postgresql://user@host"),
    ],
)
def test_nonsense_is_refused_and_nothing_written(folder, settings, message):
    with pytest.raises(ValueError, match=message):
        run(folder, "refused", **settings)
    assert not (folder / "refused").exists()


def test_clips_decide_where_a_person_asks_for_ao(folder):
    summary = run(folder, "clips", objectives=["ao", "macs"], strategy="random")
    candidates = read_candidates(folder / "clips" / "study")
    assert all({kind: len(each) for kind, each in c.scores.items()} == {"ao": 2, "auc": 2} for c in candidates)
    assert summary["reliability"]["groups"] == 2 and not (folder / "clips" / "pairs").exists()
