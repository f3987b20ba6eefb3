"""The verb `score` by the command line, and its page."""

import json
import re

import numpy as np
import pytest

import chiptrack
from tests.commands import run
from tracking.benchmarks import BENCHMARKS
from tracking.benchmarks.benchmark import State, TrackedRun, Truth
from tracking.scoring.page import curves, draw
from tracking.scoring.row import Row
from tracking.scoring.score import score

BOX = [10.0, 10, 20, 20]
TRUTHS = {name: Truth(name, np.array([BOX] * 60)) for name in ("a", "b")}
KEYS = {
    "vot2019": ["eao", "accuracy", "robustness", "lost"],
    "vot2018": ["eao", "accuracy", "robustness", "lost"],
    "vot2016": ["eao", "accuracy", "robustness", "lost"],
    "vot_unsupervised": ["accuracy"],
    "one_pass": ["success", "precision", "ao", "sr50", "sr75"],
    "got10k": ["ao", "sr50", "sr75"],
    "trackingnet": ["success", "precision", "normalised_precision", "normalised_precision_auc"],
    **{name: ["success", "precision", "normalised_precision"] for name in ("otb", "lasot", "uav123", "nfs", "dtb70")},
}


def made(folder, benchmark, tracker: str, shift: float = 0.0):
    """Annotations as a JSON file, and results of a tracker that is off by some pixels."""
    record = {name: {"gt_rect": truth.regions.tolist(), "attr": ["OCC"] if name == "a" else []} for name, truth in TRUTHS.items()}
    (folder / "truth.json").write_text(json.dumps(record))
    restarts = benchmark.name.startswith("vot")
    states = np.array([State.INITIALISED, *[State.TRACKED] * 59], np.int8)
    boxes = np.array([BOX] * 60) + [shift, 0, 0, 0]
    runs = [TrackedRun(name, np.where((states == State.INITIALISED)[:, None] & restarts, np.nan, boxes), states) for name in TRUTHS]
    benchmark.write_results(folder / "results", tracker, runs, {})
    return "score", "--benchmark", benchmark.name, "--annotations", folder / "truth.json", "--results"


def test_every_benchmark_tells_its_figures():
    assert {name: list(benchmark.metrics) for name, benchmark in BENCHMARKS.items()} == KEYS
    assert all(name in score.__doc__ for name in BENCHMARKS)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_one_row_a_tracker(capsys, tmp_path, name):
    words = made(tmp_path, BENCHMARKS[name], "good")
    made(tmp_path, BENCHMARKS[name], "worse", shift=4)
    status, out, _ = run(capsys, *words, tmp_path / "results/good", tmp_path / "results/worse", "--json")
    rows = json.loads(out)
    assert status == 0 and [row["tracker"] for row in rows] == ["good", "worse"]
    for row in rows:
        assert row["benchmark"] == name and row["sequences"] == 2 and list(row["intervals"]) == KEYS[name]
        assert [key for key in row if key in KEYS[name]] == KEYS[name]
        assert all(low <= row[key] <= high for key, (low, high) in row["intervals"].items() if row[key] is not None)
    best = KEYS[name][0]
    assert rows[0][best] is None or rows[0][best] > rows[1][best]  # bounds of these years begin after 60 frames
    assert (rows[0][best] is None) == (name in ("vot2016", "vot2018"))
    if "attributes" in rows[0]:
        assert rows[0]["attributes"] == {"OCC": pytest.approx(rows[0]["success"])}


def test_ways_to_name_several_trackers(capsys, tmp_path):
    words = made(tmp_path, BENCHMARKS["otb"], "x")
    made(tmp_path, BENCHMARKS["otb"], "y")
    results, expected = tmp_path / "results", ["x", "y"]
    for given in ([results], [results / "x", results / "y"], [results / "x", "--results", results / "y"]):
        status, out, _ = run(capsys, *words, *given, "--json")
        assert status == 0 and [row["tracker"] for row in json.loads(out)] == expected
    assert [row["tracker"] for row in json.loads(run(capsys, *words, results / "y", results, "--json")[1])] == ["y", "x"]  # once each


def test_trackers_of_one_name_are_told_apart(capsys, tmp_path):
    for place in ("first", "second"):
        (tmp_path / place).mkdir()
        words = made(tmp_path / place, BENCHMARKS["otb"], "x")
    results = [tmp_path / place / "results/x" for place in ("first", "second")]
    status, out, _ = run(capsys, *words, *results, "--json")
    assert status == 0 and [row["tracker"] for row in json.loads(out)] == [f"x ({path})" for path in results]


def test_a_table_for_a_person_has_a_column_for_each_attribute(capsys, tmp_path):
    words = made(tmp_path, BENCHMARKS["otb"], "x")
    status, out, err = run(capsys, *words, tmp_path / "results/x")
    head, line = out.splitlines()
    assert status == 0 and head.split()[:4] == ["tracker", "benchmark", "sequences", "success"] and "attributes OCC" in head
    assert line.split()[:4] == ["x", "otb", "2", "0.9524"] and "scoring" in err


def test_the_same_seed_gives_the_same_intervals(tmp_path):
    words = made(tmp_path, BENCHMARKS["otb"], "x", shift=4)
    (tmp_path / "results/x/a.txt").write_text("10,10,20,20\n" * 60)
    arguments = {"benchmark": "otb", "annotations": words[4], "results": [tmp_path / "results/x"]}
    assert score(**arguments) == score(**arguments)
    [row], [other] = score(**arguments), score(**arguments, seed=1)
    assert row["success"] == other["success"]


def test_exact_polygons_are_an_option(capsys, tmp_path):
    words = made(tmp_path, BENCHMARKS["vot2019"], "x", shift=10)
    found = [json.loads(run(capsys, *words, tmp_path / "results/x", "--polygons", kind, "--json")[1])[0] for kind in ("pixels", "exact")]
    assert [row["accuracy"] for row in found] == [pytest.approx(231 / 651), pytest.approx(1 / 3)]
    words = made(tmp_path, BENCHMARKS["otb"], "rectangles")
    status, out, err = run(capsys, *words, tmp_path / "results/rectangles", "--polygons", "exact")
    assert status == 2 and "compares rectangles exactly" in err and out == ""


def test_a_page_that_stands_alone(capsys, tmp_path):
    words = made(tmp_path, BENCHMARKS["vot2019"], "<script>x")
    status, _, _ = run(capsys, *words, tmp_path / "results", "--out", tmp_path / "page.html", "--json")
    page = (tmp_path / "page.html").read_text()
    assert status == 0 and page.startswith("<!doctype html>") and page.rstrip().endswith("</html>")
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"'](?!data:)", page)  # loads nothing
    assert "Expected overlap" in page and "&lt;script" in page and "<td><script" not in page


@pytest.mark.parametrize("name", BENCHMARKS)
def test_pages_of_every_benchmark_show_its_curves(name, tmp_path):
    benchmark = BENCHMARKS[name]
    made(tmp_path, benchmark, "x")
    truths = benchmark.read_annotations(tmp_path / "truth.json")
    scored = benchmark.score(truths, benchmark.read_results(tmp_path / "results/x", truths))
    rows = [Row("<b>x</b>", scored, {metric: (0.0, 1.0) for metric in benchmark.metrics})]
    page = draw(benchmark, rows)
    for curve, values in scored.curves.items():
        assert curve.capitalize() in page and values.shape[0] == 2
        [line] = curves(benchmark, rows, curve).data
        assert len(line.x) == values.shape[1] and line.name.startswith("&lt;b&gt;x&lt;/b&gt;")
    assert "<b>x</b>" not in page and "0.0000 to 1.0000" in page


@pytest.mark.parametrize(
    "change, said",
    [
        ({"--benchmark": "vot1999"}, "must be one of vot2019, vot2018"),
        ({"--annotations": "none.json"}, "none.json is neither"),
        ({"--results": "none"}, "none is neither"),
        ({"--results": "truth.json"}, "truth.json is no zip file"),
        ({"--results": "empty"}, "has none for its 2 sequences"),
        ({"--seed": "-1"}, "seed must be 0 or more"),
        ({"--out": "results/x/page.html"}, "lie among what is read"),
        ({"--out": "truth.json"}, "must not replace"),
        ({"--benchmark": "got10k"}, "TRACKER/SEQUENCE/SEQUENCE_001.txt"),
    ],
)
def test_bad_input_is_one_line(capsys, tmp_path, monkeypatch, change, said):
    monkeypatch.chdir(tmp_path)
    made(tmp_path, BENCHMARKS["otb"], "x")
    (tmp_path / "empty").mkdir()
    flags = {"--benchmark": "otb", "--annotations": "truth.json", "--results": "results/x", **change}
    status, out, err = run(capsys, "score", *[word for flag in flags.items() for word in flag])
    errors = [line for line in err.splitlines() if line.startswith("chiptrack: error")]
    assert (status, out, len(errors)) == (2, "", 1) and said in errors[0] and "Traceback" not in err


def test_the_verb_is_known():
    assert chiptrack.VERBS["score"].function == "tracking.scoring.score:score"
