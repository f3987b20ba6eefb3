"""What docs/extending.md shows is complete: put into a copy of the sources as it stands, it does what the page says."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from latency_tables.tables.table import LatencyTable
from supernet.checkpoints import read_header
from supernet.families import FAMILIES
from tracking.files.annotations import write_boxes
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import Sequence

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
FEW = ("stem", "join")
"""Kinds of operators that the runtime is measured with: one of one input, one of two."""
QUICK = f"""
# everything in one process, since a new one reads torch again
import functools, json, sys
import numpy as np
import chiptrack
from latency_tables.measuring import measure, networks
from latency_tables.measuring.protocol import Protocol
from search.workers import WORKERS
from search.workers.inline import InlineWorkers
WORKERS["local"] = lambda place, make: InlineWorkers(make())
Plan = functools.partial(measure.Plan, protocol=Protocol(rounds=2, repeats=0, pauses=0))
measure.Plan = Plan
if "opencv" in sys.argv[1]:
    measure.Plan = lambda family, operators, *rest: Plan(family, tuple(op for op in operators if op.kind in {FEW}), *rest)
    networks.typical = lambda family: [family.space.sample(np.random.default_rng(0))]
for words in json.loads(sys.argv[1]):
    if chiptrack.main(words):
        sys.exit(f"failed: {{words}}")
"""
FASTER = {
    "train": "--steps 30 --batch 8",
    "search": "--evaluations 4 --pairs 64 --sequences 2 --rescoring 0 --frames 4 --unmeasured",
    "retrain": "--steps 30 --batch 8",
    "fidelity": "--steps 2 --batch 2 --architectures 3 --seeds 1 --judged-pairs 32 --workers 1",
}
"""Flags that are added to the commands of the page, since a test has no hours."""


def blocks(language: str) -> list[tuple[str, str]]:
    """The page's texts in a language with the file that each is for."""
    return re.findall(rf"```{language} (\S+)\n(.*?)```", PAGE, re.S)


def patched(text: str, diff: str) -> str:
    """A source with the lines that the page changes."""
    for hunk in diff.split("@@\n"):
        lines = hunk.splitlines()
        before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
        assert text.count(before) == 1, f"the page shows lines that are not in the file once: {before}"
        text = text.replace(before, "\n".join(line[1:] for line in lines if not line.startswith("-")))
    return text


def commands(heading: str) -> list[str]:
    """The commands of a section."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M)
    return [
        line.removeprefix("$ chiptrack ") for block in re.findall(r"```console\n(.*?)```", section, re.S) for line in block.splitlines()
    ]


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A copy of the sources with everything that the page adds."""
    root = tmp_path_factory.mktemp("extended")
    for folder in ("search", "predictors", "latency_tables", "supernet", "tracking"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "tests").mkdir()
    for name in (
        "chiptrack.py",
        "pyproject.toml",
        "tests/test_families.py",
        *(f"tests/{path.name}" for path in ROOT.glob("tests/conftest*")),
    ):
        shutil.copy(ROOT / name, root / name)
    for path, text in blocks("python"):
        assert not (root / path).exists(), f"{path} is there already"
        (root / path).write_text(text)
    for path, diff in blocks("diff"):
        (root / path).write_text(patched((root / path).read_text(), diff))
    return root


@pytest.fixture(scope="module")
def desk(extended, tmp_path_factory) -> Path:
    """Where the commands of the page about families, strategies, metrics and data sets were given."""
    folder = tmp_path_factory.mktemp("desk")
    write_film(folder / "video.mp4", synthetic_sequence(1, frames=6))
    (folder / "films").mkdir()
    for i in range(2):
        write_film(folder / f"films/{i}.mp4", synthetic_sequence(i, frames=4))
        write_boxes(folder / f"films/{i}.csv", synthetic_sequence(i, frames=4).boxes)
    run(extended, folder, [line for heading in ("A family", "A search strategy", "A metric", "A data set") for line in commands(heading)])
    return folder


def write_film(path: Path, sequence: Sequence) -> None:
    height, width, _ = sequence.image(0).shape
    film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (width, height))
    for t in range(len(sequence)):
        film.write(sequence.image(t)[..., ::-1])
    film.release()


def run(extended: Path, desk: Path, said: list[str]) -> str:
    """Give commands, in one process, and return what they print."""
    words = [shlex.split(f"{line} {FASTER.get(line.split()[0], '')}") for line in said]
    environment = {**os.environ, "PYTHONPATH": str(extended)}
    command = [sys.executable, "-c", QUICK, json.dumps(words)]
    done = subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_texts_are_short():
    lengths = {path: len(text.splitlines()) for path, text in blocks("python")}
    assert lengths["supernet/runtimes/opencv.py"] <= 50
    assert lengths["supernet/families/swift.py"] + lengths["supernet/families/swift_layers.py"] <= 160
    assert all(text.count("\n+") + text.startswith("+") <= 2 for _, text in blocks("diff"))


def test_the_runtime_measures(extended, tmp_path):
    run(extended, tmp_path, commands("A runtime"))
    table = LatencyTable.load(tmp_path / "opencv.csv")
    assert table.profile.runtime == "opencv" and not table.unsupported
    assert set(table.operators) == {op.key for op in FAMILIES["nano"].all_operators if op.kind in FEW}
    assert all(ms > 0 for ms in table.operator_ms().values())
    assert 0 < table.about["largest_difference_from_onnxruntime"] < 1e-4


@pytest.mark.slow
def test_the_family_goes_all_the_way(desk):
    table = LatencyTable.load(desk / "swift.csv")
    assert len({name for name, _ in table.networks}) == 20 and not table.unsupported
    assert {path.name for path in (desk / "bundle").iterdir()} == {"template.onnx", "search.onnx", "tracker.json"}
    assert json.loads((desk / "bundle/tracker.json").read_text())["architecture"]["family"] == "swift"


@pytest.mark.slow
def test_the_family_keeps_what_every_family_must(extended):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_families.py", "-k", "swift"]
    done = subprocess.run(
        command, cwd=extended, env={**os.environ, "PYTHONPATH": str(extended)}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0 and "skipped" not in done.stdout, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 19


@pytest.mark.slow
def test_the_sampling_rule_trains(extended, tmp_path):
    run(extended, tmp_path, commands("A sampling rule"))
    assert read_header(tmp_path / "with-largest.safetensors", "supernet")["notes"]["paths"] == "with_largest"
    assert json.loads((tmp_path / "fidelity/fidelity.json").read_text())["setting"]["paths"] == "with_largest"


@pytest.mark.slow
def test_the_strategy_chooses(desk):
    record = json.loads((desk / "run-neighbours/settings.json").read_text())
    assert record["strategy"] == "neighbours"
    assert len(pd.read_csv(desk / "run-neighbours/candidates.csv")) == 4


@pytest.mark.slow
def test_the_metric_is_everywhere(desk):
    candidates = pd.read_csv(desk / "run-flash/candidates.csv")
    assert (candidates.flash_mb == candidates.params / 1e6).all() and (candidates.flash_mb <= 0.05).all()
    assert "flash in MB" in (desk / "run-flash/report.html").read_text()
    assert "max_flash" in json.loads((desk / "run-flash/settings.json").read_text())["limits"]


@pytest.mark.slow
def test_the_data_set_is_scored(desk):
    scores = json.loads((desk / "scores/scores.json").read_text())
    assert [sequence["name"] for sequence in scores["sequences"]] == ["0", "1"]


def test_the_benchmark_scores(extended, tmp_path):
    """Two sequences: boxes that are right, and boxes that are nowhere near."""
    truth = np.tile([10.0, 10, 20, 20], (3, 1))
    for name, found in (("S0101", truth), ("S0102", truth + [200, 0, 0, 0])):
        for path, boxes in ((f"UAVDT/anno/{name}_gt.txt", truth), (f"results/mine/{name}.txt", found)):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            write_boxes(tmp_path / path, boxes)
    (row,) = json.loads(run(extended, tmp_path, commands("A benchmark")))
    assert row["benchmark"] == "uavdt" and row["sequences"] == 2
    assert (row["success"], row["precision"]) == (pytest.approx(10 / 21), 0.5)
