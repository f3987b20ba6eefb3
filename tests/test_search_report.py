import dataclasses
import json
import re
from functools import partial

import numpy as np
import pytest

from search.feasible import FeasibleSampler, Gate
from search.objectives import ACCURACY, Constraint, Objective, multiply_adds
from search.page import draw
from search.report import collect, report
from search.strategies import STRATEGIES
from search.study import Study
from search.workers.jobs import Outcome
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
MACS = multiply_adds(NANO)
LATENCY = Objective("latency_ms", "ms", "minimize", "predicted", lambda archs: MACS.of(archs) / 1e6, lambda archs: np.full(len(archs), 0.1))
ATTACK = "<script>alert('x')</script>"
FIT = {"networks": 9, "chosen": "table", "scores": {"table": {"mape": 1.25, "within_5": 99.0, "spearman": 0.987}}}


@pytest.fixture
def run(tmp_path):
    """A search of eight candidates; the larger networks track better."""
    run = tmp_path / "whole job" / "run"
    anchor = NANO.architecture({label: values[0] for label, values in NANO.space.choices.items()})
    gate = Gate(NANO.space, [Constraint(MACS, 2e7)], anchor)
    study = Study(run / "study", [ACCURACY, LATENCY], gate, FeasibleSampler(partial(STRATEGIES["random"], NANO.space, 8), gate, 0))
    for _ in range(8):
        number, arch = study.ask()
        ao = MACS.of([arch])[0] / 4e7
        study.tell(number, arch, Outcome((ao - 0.01, ao + 0.01), 1.0))
    study.close()
    summary = {"static_ao": 0.2, "rejected_share": 0.25, "rescoring_drop": None, "failures": 0, "rejected": {"seen": 1}, "seconds": 5}
    predictor = {"path": f"{ATTACK}.json", "sha256": "0", "profile": {"chip": ATTACK, "runtime": "none"}, "fit": FIT}
    (run / "summary.json").write_text(json.dumps(summary))
    (run / "settings.json").write_text(json.dumps({"family": "nano", "predictors": [predictor], "limits": {"max_macs": 2e7}}))
    return run


def test_data_of_a_search(run):
    data = collect(run)
    assert len(data.candidates) == len(data.convergence) == 8
    assert len(data.front) == 8  # the larger the better: nobody is beaten
    assert [member.values["ao"] for member in data.front] == sorted((c.values["ao"] for c in data.candidates), reverse=True)
    assert list(data.convergence) == sorted(data.convergence)
    assert 0 < data.convergence[-1] < 1
    assert data.recommendation.winner.number == data.front[0].number
    assert data.comparisons == []


def test_measured_candidates_and_held_out_networks_are_compared(run):
    member = collect(run).front[0]
    (run / "measured.json").write_text(json.dumps([{"key": member.architecture.key, "latency_ms": 2 * member.latency_ms}]))
    settings = json.loads((run / "settings.json").read_text())
    settings["predictors"][0]["fit"] = {**FIT, "held_out": [{"name": "n", "predicted_ms": 3, "measured_ms": 4}]}
    (run / "settings.json").write_text(json.dumps(settings))
    held_out, measured = collect(run).comparisons
    assert (held_out.label, held_out.predicted_ms, held_out.measured_ms) == ("n", 3, 4)
    assert measured.measured_ms == 2 * measured.predicted_ms
    assert "candidate of this search" in report(run).read_text()


def test_an_unfinished_search_has_a_page_without_a_winner(run):
    (run / "summary.json").unlink()
    assert "has not ended" in report(run).read_text()


def test_an_infeasible_candidate_is_told_apart_and_on_no_front(run):
    data = collect(run)
    beyond = dataclasses.replace(data.front[0], number=99, feasible=False)
    changed = dataclasses.replace(data, candidates=[*data.candidates, beyond])
    assert "over a limit" in draw(changed)
    assert "over a limit" not in draw(data)


def test_the_page_is_whole_and_asks_no_network(run):
    page = report(run).read_text()
    assert page.startswith("<!doctype html>") and page.rstrip().endswith("</html>")
    assert len(page) > 3_000_000  # plotly itself
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)\s*=", page)
    assert "$" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "chiptrack retrain &#x27;" in page  # the folder's name has a space


def test_outside_text_is_shown_as_text(run):
    """Names of architectures, devices, files and figures cannot add markup, neither to the page nor to plotly's hovers."""
    data = collect(run)
    evil = dataclasses.replace(data.front[0].architecture, name=ATTACK)
    candidates, front = ([dataclasses.replace(c, architecture=evil) for c in group] for group in (data.candidates, data.front))
    page = draw(dataclasses.replace(data, candidates=candidates, front=front, figures={ATTACK: [{ATTACK: ATTACK}]}))
    assert ATTACK not in page
    assert "alert(" in page
    hovers = re.findall(r'"customdata":\[.*?\]', page)
    assert hovers and not any("\\u003cscript" in hover for hover in hovers)


@pytest.mark.parametrize(
    "name, content", [("summary.json", "{"), ("settings.json", "[]"), ("measured.json", '[{"key": "?"}]'), ("measured.json", "3")]
)
def test_broken_files_are_named(run, name, content):
    (run / name).write_text(content)
    with pytest.raises(ValueError, match=name):
        report(run)


def test_no_search_no_page(tmp_path):
    with pytest.raises(FileNotFoundError, match="chiptrack search"):
        report(tmp_path)
    assert list(tmp_path.iterdir()) == []
