"""A kind of metric is one entry of METRICS: what is added there is found by the whole search, the command line and the page."""

import csv
import dataclasses
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from search.judging.judge import Job, Outcome
from search.metrics import METRICS, Metric, MetricKind, Objective
from search.metrics.amounts import parse_count
from search.metrics.metric import Known
from search.problem import specification
from search.study.study import read_candidates
from search.verbs.search import JudgingOptions, RunningOptions, search
from search.workers import WORKERS
from search.workers.inline import InlineWorkers
from supernet.checkpoints import save_supernet
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
KNOWN = Known(NANO, {})


def exit_of(known: Known) -> list[Objective]:
    """How deep the backbone is, from 1."""
    column = list(known.family.choices).index("feature")
    return [Objective(Metric("depth", "exits"), lambda choices: 1.0 + choices[:, column])]


def sharpness(known: Known) -> list[Objective]:
    return [Objective(Metric("sharpness", direction="maximize"))]


DEPTH = MetricKind("depth", "exit of the backbone", exit_of, parse_count, "the exit of the backbone, from 1", "depth")
SHARPNESS = MetricKind("sharpness", "sharpness of edges", sharpness)


@pytest.mark.parametrize("kind", METRICS.values(), ids=METRICS)
def test_every_kind_says_what_it_is(kind):
    assert METRICS[kind.name] is kind and kind.title
    for objective in kind.objectives(KNOWN):
        assert objective.metric.kind == kind.name
        assert objective.cheap == (kind.parse is not None)  # what can be limited is known before weights are touched
    assert bool(kind.limit) == bool(kind.noun) == (kind.parse is not None)


def test_what_needs_a_predictor_is_missing_without_one():
    lacking = {name for name, kind in METRICS.items() if not kind.objectives(KNOWN)}
    assert lacking == {name for name, kind in METRICS.items() if kind.predictor} | {"presence"}  # which networks of nano do not tell
    assert METRICS["presence"].objectives(Known(FAMILIES["elastic"], {}))


@pytest.fixture
def extended(monkeypatch):
    """Two more kinds, one cheap and one that the judge tells."""
    monkeypatch.setitem(METRICS, "depth", DEPTH)
    monkeypatch.setitem(METRICS, "sharpness", SHARPNESS)


def test_a_kind_with_limits_has_a_field_which_is_a_flag(extended, monkeypatch):
    found = importlib.util.spec_from_file_location("specification_again", specification.__file__)
    again = importlib.util.module_from_spec(found)
    monkeypatch.setitem(sys.modules, "specification_again", again)
    found.loader.exec_module(again)  # Limits is built when its module is imported
    fields = {field.name: field.metadata["help"] for field in dataclasses.fields(again.Limits)}
    assert fields["max_depth"] == "Limit of the exit of the backbone, from 1."
    assert set(fields) == {f"max_{name}" for name in METRICS if METRICS[name].parse} and "max_sharpness" not in fields


def judge(job: Job) -> Outcome:
    ao = int(job.architecture.key, 16) / 16**16
    return Outcome({"ao": (ao, ao / 2), "auc": (ao, ao), "sharpness": (1 - ao, 1 - ao / 2)}, 1.0)


def test_a_new_kind_is_objective_limit_column_and_axis(extended, monkeypatch, tmp_path):
    monkeypatch.setitem(WORKERS, "inline", lambda place, make: InlineWorkers(judge, int(place)))
    save_supernet(tmp_path / "supernet.safetensors", NANO.supernet())
    shutil.copy(Path(__file__).parent / "data" / "predictor-3.json", tmp_path / "chip.json")
    run = tmp_path / "run"
    summary = search(
        supernet=tmp_path / "supernet.safetensors",
        predictor=[tmp_path / "chip.json"],
        out=run,
        objectives=["sharpness", "depth"],
        limits=SimpleNamespace(max_depth=["4"]),
        judging=JudgingOptions(sequences=2, rescoring=0, frames=2),
        running=RunningOptions("random", 12, "inline:2", unmeasured=True),
    )
    settings = json.loads((run / "settings.json").read_text())
    assert [objective["name"] for objective in settings["objectives"]] == ["sharpness", "depth"]
    assert settings["limits"] == {"max_depth": 4, "max_macs": NANO.max_macs}
    assert "sharpness of edges" in summary["why"] and {"sharpness", "depth"} <= summary["winner"]["values"].keys()
    rows = list(csv.DictReader((run / "candidates.csv").read_text().splitlines()))
    assert {(row["depth_source"], row["sharpness_source"]) for row in rows} == {("counted", "counted")}
    assert {float(row["depth"]) for row in rows} <= {1, 2, 3, 4}
    assert [float(row["sharpness"]) for row in rows] == [
        candidate.value(Metric("sharpness", direction="maximize")) for candidate in read_candidates(run / "study")
    ]
    page = (run / "report.html").read_text()
    record = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    titles = {figure["title"]: figure["values"] for figure in record["figures"]}
    assert titles["exit of the backbone"] == [float(row["depth"]) for row in rows] and "sharpness of edges" in titles
    assert "exit of the backbone" in page.partition("<main>")[2].partition("</main>")[0]
