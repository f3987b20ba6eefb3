"""The page of a search, from its folder to the text that is shown."""

import dataclasses
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.fit import fit
from search.judging.judge import Outcome
from search.metrics import Figure, Metric, Objective
from search.metrics.accuracy import AO, AUC
from search.metrics.counted import MACS, multiply_adds, parameters
from search.metrics.predicted import LATENCY
from search.page.columns import columns
from search.page.data import assemble, collect
from search.page.document import draw
from search.page.files import read_summary
from search.page.front import front_text
from search.page.plots import comparison, learning, plots
from search.page.wording import title
from search.problem.feasible import FeasibilityFilter
from search.problem.problem import Constraint, Problem
from search.strategies import STRATEGIES
from search.study.study import Study
from search.verbs.report import report
from supernet.families import FAMILIES
from tests.made_up_search import latencies, made_up_candidates, made_up_settings, made_up_summary

NANO = FAMILIES["nano"]
WORK = multiply_adds(NANO)
PHONE, CAMERA = latencies(("phone", "camera"))
ATTACK = "<script>alert('x')</script>"
FIT = {"networks": 9, "chosen": "table", "scores": {"table": {"mape": 1.25, "within_5": 99.0, "spearman": 0.987}}}
HELD_OUT = [
    {"name": "first", "predicted_ms": 3, "measured_ms": 3.1, "low_ms": 2.9, "high_ms": 3.2},
    {"name": "second", "predicted_ms": 6, "measured_ms": 5, "low_ms": 5.8, "high_ms": 6.2},
]
LEARNING = [{"networks": 3, "mape": 8.0, "expected_mape": 9.0}, {"networks": 10, "mape": 4.0}]
CANDIDATES = made_up_candidates(NANO, 40)
SEVERAL = made_up_candidates(NANO, 40, ("phone", "camera"))


def found(candidates=CANDIDATES, *, chips=("phone",), summary=None, job=None, fits=(), **predictor):
    """The data of a page; one of `fits` for each chip's predictor."""
    settings = made_up_settings(NANO, chips)
    for record, each in zip(settings["predictors"], fits, strict=False):
        record |= {"fit": each, **predictor}
    return assemble(Path("whole job/run"), settings, made_up_summary() if summary is None else summary, job or {}, candidates)


def changed(candidate, more, **fields):
    """A candidate with further figures, or others."""
    return dataclasses.replace(candidate, figures={**candidate.figures, **more}, **fields)


def measured(candidate, ms, latency=LATENCY):
    return changed(candidate, {latency: Figure(ms, None, "measured", candidate.value(latency))})


def rescored(candidate, drop):
    scores = {name: tuple(value - drop for value in each) for name, each in candidate.scores.items()}
    again = {metric.found_again: Figure(float(np.mean(scores[metric.kind])), 0.01, metric.source) for metric in (AO, AUC)}
    return changed(candidate, again, rescored=scores)


def shown(data) -> str:
    """The text of the page, without scripts."""
    return re.sub(r"<script.*?</script>", "", draw(data), flags=re.DOTALL)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A search of eight candidates; the larger networks track better."""
    run = tmp_path_factory.mktemp("whole job") / "run"
    anchor = NANO.architecture({label: values[0] for label, values in NANO.space.choices.items()})
    latency = Objective(LATENCY, lambda choices: WORK.of(choices) / 1e6)
    limits = (Constraint(WORK, 2e7),)
    problem = Problem(NANO, (Objective(AO), latency), limits, evaluations=8, noted=(parameters(NANO),), scored=(AO, AUC))
    feasible = FeasibilityFilter(problem, anchor)
    study = Study(run / "study", problem, feasible, ("random", STRATEGIES["random"](feasible, 0)))
    for _ in range(8):
        number, arch = study.ask()
        ao = float(WORK.of(NANO.space.indices([arch]))[0]) / 4e7
        study.tell(number, Outcome({"ao": (ao - 0.01, ao + 0.01), "auc": (ao, ao)}, 1.0))
    study.close()
    (run / "summary.json").write_text(json.dumps(made_up_summary()))
    figures = [metric.to_json() for metric in problem.metrics]
    settings = made_up_settings(NANO, ("phone",)) | {"figures": figures, "limits": {"max_macs": 2e7}}
    (run / "settings.json").write_text(json.dumps(settings))
    return run


def test_data_of_a_search(run):
    data = collect(run)
    assert len(data.candidates) == 8
    assert len(data.front) == 8  # the larger the better: nobody is beaten
    assert [member.value(AO) for member in data.front] == sorted((c.value(AO) for c in data.candidates), reverse=True)
    [curve] = data.curves
    assert curve.strategy == "random" and list(curve.shares) == sorted(curve.shares) and 0 < curve.shares[-1] < 1
    assert data.recommendation is not None and data.recommendation.winner.number == data.front[0].number
    assert [device.comparisons for device in data.devices] == [[]]
    assert data.importances == []  # eight candidates tell nothing
    assert data.choices.shape == (8, len(NANO.choices))


def test_the_page_is_whole_and_asks_no_network(run):
    page = Path(report(run)["report"]).read_text()
    assert page.startswith("<!doctype html>") and page.rstrip().endswith("</html>")
    assert len(page) > 3_000_000  # plotly itself
    assert not re.search(r"<(script|img|iframe)[^>]*(src|href)\s*=", page)
    assert re.findall(r"<link [^>]*>", page) == ['<link rel="icon" href="data:,">']
    assert "$" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "Too few candidates" in page


def test_the_first_cost_decides_also_after_two_accuracies():
    settings = made_up_settings(NANO, ("phone",))
    settings["objectives"] = [metric.to_json() for metric in (AUC, AO, MACS)]
    data = assemble(Path("run"), settings, made_up_summary(), {}, CANDIDATES)
    assert (data.accuracy, data.cost) == (AUC, MACS)
    assert data.recommendation is not None and data.recommendation.cost == MACS
    assert "AUC of the recommended" in shown(data)


def test_each_strategy_has_its_curve_in_one_box():
    data = found()
    assert [(curve.strategy, len(curve.shares)) for curve in data.curves] == [("guided", 14), ("nsga2", 13), ("random", 13)]
    assert all((np.diff(curve.shares) >= 0).all() and curve.shares[-1] < 1 for curve in data.curves)
    assert [trace.name for trace in plots(data)["convergence"].data] == ["guided (14)", "nsga2 (13)", "random (13)"]


def test_columns_hold_every_candidate():
    data = found([*SEVERAL[:5], measured(SEVERAL[5], 9.5, PHONE), *SEVERAL[6:]], chips=("phone", "camera"))
    record = columns(data)
    assert record["number"] == list(range(40)) and len(record["digits"]) == 40
    assert record["key"] == [c.architecture.key for c in SEVERAL] and record["name"] == [c.architecture.name for c in SEVERAL]
    assert [int(digit, 36) for digit in record["digits"][7]] == NANO.space.indices([SEVERAL[7].architecture])[0].tolist()
    ours = {figure["name"]: figure for figure in record["figures"]}
    assert list(ours) == ["ao", "auc", "macs", "params", "latency_ms:phone", "latency_ms:camera"]
    assert ours["macs"]["values"] == [int(c.value(MACS)) for c in SEVERAL] and ours["macs"]["noise"] is None
    assert ours["ao"]["values"] == pytest.approx([c.value(AO) for c in SEVERAL]) and ours["ao"]["sign"] == -1
    phone = ours["latency_ms:phone"]
    assert (phone["source"], phone["sources"], phone["values"][5], phone["noise"][5]) == ("predicted", {5: "measured"}, 9.5, None)
    assert phone["predicted"] == {5: pytest.approx(SEVERAL[5].value(PHONE))}
    assert [(figure["kind"], figure["device"], figure["again"]) for figure in record["figures"]] == [
        *((kind, "", False) for kind in ("ao", "auc", "macs", "params")), ("latency", "phone", False), ("latency", "camera", False),
    ]  # fmt: skip
    assert [(chip["name"], chip["latency"]) for chip in record["chips"]] == [("phone", "latency_ms:phone"), ("camera", "latency_ms:camera")]
    assert {record["number"][i] for i in record["front"]} == {member.number for member in data.front}


def test_what_is_not_known_is_null():
    endless = changed(CANDIDATES[0], {LATENCY: Figure(np.inf)}, feasible=False)
    data = found([endless, *CANDIDATES[1:8], rescored(CANDIDATES[8], 0.1), *CANDIDATES[9:]])
    ours = {figure["name"]: figure for figure in columns(data)["figures"]}
    assert ours["latency_ms"]["values"][0] is None
    assert [value is not None for value in ours["ao_rescored"]["values"]] == [i == 8 for i in range(40)]
    assert draw(data)


@pytest.mark.parametrize(
    "metric, words",
    [
        (AO, "AO"),
        (LATENCY, "ms per frame"),
        (Metric("energy", "mJ", device="pi"), "energy in mJ, pi"),
        (AUC.found_again, "AUC, judged again"),
        (Metric("x"), "x"),
    ],
)
def test_figures_in_words(metric, words):
    assert title(metric) == words


def test_operators_have_times_only_from_the_same_predictor(tmp_path):
    path = tmp_path / "phone.json"
    predictor = fit(LatencyTable.load(SHIPPED / "nano-mnn-fp32.csv"))
    predictor.save(path)
    right = {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    data = found(fits=[FIT], **right)
    [chip], operators = columns(data)["chips"], columns(data)["plan"]["operators"]
    assert chip["ms"] == [predictor.operator_ms[op["key"]] for op in operators]
    assert columns(found(fits=[FIT], **right | {"sha256": "other"}))["chips"][0]["ms"] is None
    assert columns(found())["chips"][0]["ms"] is None


def test_measured_candidates_are_compared():
    data = found()
    member = data.front[1]
    others = [measured(c, 2 * c.value(LATENCY)) if c.number == member.number else c for c in CANDIDATES]
    [device] = found(others, fits=[{"held_out": [{"name": "n", "predicted_ms": 3, "measured_ms": 4}]}], interval=INTERVAL).devices
    held_out, own = device.comparisons
    assert (held_out.name, held_out.predicted_ms, held_out.measured_ms, held_out.interval_ms) == ("n", 3, 4, None)
    assert f"#{member.number} {member.architecture.name}" in own.name
    assert own.measured_ms == 2 * own.predicted_ms == 2 * member.value(LATENCY)
    assert own.interval_ms == pytest.approx((0.9 * own.predicted_ms, 1.2 * own.predicted_ms))
    assert own.outside
    text = shown(found(others, fits=[{}], interval=INTERVAL))
    assert "Candidates of this search (1): off by 50.00 %, outside its interval." in text
    assert "1 of 40 candidates; all other times are predicted" in text


INTERVAL = {"low": 0.9, "high": 1.2, "coverage": 0.9}


def test_corrections_of_a_finished_search_apply_to_what_was_not_measured():
    plain = found()
    first = plain.front[0].number
    verified = {"measured": {"latency_ms": 1}, "outside": {"latency_ms": 1}, "corrected": {"latency_ms": 1.5}, "missing": {}}
    noise = {"calibration": 0.004, "tie_within": 0.02}
    data = found(
        [measured(c, 7.0) if c.number == first else c for c in CANDIDATES],
        summary=made_up_summary() | {"verified": verified, "noise": noise},
    )
    values = {c.number: c.value(LATENCY) for c in data.candidates}
    assert all(values[c.number] == (7.0 if c.number == first else 1.5 * c.value(LATENCY)) for c in CANDIDATES)
    text = shown(data)
    assert "1 measured, 1 outside the intervals of their predictions; predictions of the others are multiplied by 1.500" in text
    assert "differences below about 0.020" in text and "± 0.0040" in text


def test_what_measuring_during_the_search_gave():
    learned = {"measured": 8, "compared": 11, "before": 4.25, "after": 1.5}
    text = shown(found(summary=made_up_summary() | {"learned": {"latency_ms": learned}}))
    assert (
        "8 measured, and the predictor was fitted again; its mean error on 11 that were measured later: 4.2 % before, 1.5 % after" in text
    )
    text = shown(found(summary=made_up_summary() | {"learned": {"latency_ms": {**learned, "compared": 0, "before": None, "after": None}}}))
    assert "8 measured, and the predictor was fitted again<" in text


@pytest.mark.parametrize(
    "learned", [{"heat": {"measured": 1, "compared": 1, "before": 1, "after": 1}}, {"latency_ms": {"measured": "1"}}, {"latency_ms": [1]}]
)
def test_a_strange_record_of_what_was_learned_is_refused(learned, tmp_path):
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(made_up_summary() | {"learned": learned}))
    with pytest.raises(ValueError, match="summary.json"):
        read_summary(path, made_up_settings(NANO, ("phone",)))


def test_why_nothing_was_measured():
    verified = {"measured": {}, "outside": {}, "corrected": {}, "missing": {"latency_ms": ATTACK}}
    text = shown(found(summary=made_up_summary() | {"verified": verified}))
    assert "the front stays predicted: &lt;script&gt;" in text


def test_each_chip_has_a_panel_that_says_how_well_it_is_predicted():
    fits = {"held_out": HELD_OUT, "learning": LEARNING}, {"held_out": HELD_OUT[:1]}, {}
    chips = "a", "b", "c"
    data = found(made_up_candidates(NANO, 8, chips), chips=chips, fits=fits, interval={"coverage": 0.9, "low": 1, "high": 1})
    text = shown(data)
    assert "<b>a: a, none</b>" in text and "<b>b: b, none</b>" in text
    # 3 for 3.1 is 3.23 % off, 6 for 5 is 20 % off and outside
    agreement = "off by 11.61 % on average (MAPE), 50 % within ±10 %, rank correlation 1.000; 50 % inside their intervals (90 % stated)."
    assert f"Held-out networks (2): {agreement}" in text
    assert "Held-out networks (1): off by 3.23 %." in text
    assert "There is no measurement to compare with." in text
    assert [name for name in plots(data) if name.startswith("comparison")] == ["comparison-0", "comparison-1"]
    assert "Error against number of measurements" in text


def test_the_points_and_bars_of_a_comparison():
    [device] = found(fits=[{"held_out": [*HELD_OUT, {"name": "old", "predicted_ms": 2, "measured_ms": 2}]}]).devices
    traces = {trace.get("name"): trace for trace in comparison(device).to_dict()["data"]}
    inside, outside = traces["held out"], traces["held out, outside"]
    assert (inside["x"], inside["y"]) == ([3.1, 2], [3, 2])
    assert inside["error_y"]["array"] == pytest.approx([0.2, 0])
    assert inside["error_y"]["arrayminus"] == pytest.approx([0.1, 0])
    assert outside["customdata"] == ["<b>second</b><br>predicted 6 ms (5.8 to 6.2)<br>measured 5 ms<br>off by +20.0 %"]
    assert inside["marker"]["symbol"] != outside["marker"]["symbol"]  # colour alone does not reach everybody
    assert "predicted 2 ms<br>" in inside["customdata"][1]


def test_the_curves_of_learning_and_what_was_expected():
    chips = "a", "b", "c"
    data = found(made_up_candidates(NANO, 8, chips), chips=chips, fits=({"learning": LEARNING}, {}, {"learning": LEARNING[1:]}))
    *traces, legend = learning(data.devices).to_dict()["data"]
    lines = [(trace["x"], trace["y"], trace["line"].get("dash")) for trace in traces]
    assert lines == [([3, 10], [8, 4], None), ([3], [9], "dash"), ([10], [4], None)]
    assert legend["name"] == "expected before measuring"


def test_without_any_comparison_the_page_says_so():
    text = shown(found())
    assert "no candidate of this search has been measured yet" in text
    assert "comparison-" not in text and "Error against number" not in text


def test_unreadable_entries_are_left_out_and_counted():
    broken = {"held_out": [*HELD_OUT, {}, {"name": "n", "predicted_ms": 0, "measured_ms": 1}], "learning": "?"}
    text = shown(found(fits=[broken]))
    assert "Held-out networks (2): " in text
    assert "Entries of the predictor&#x27;s file that cannot be read and are left out: 3." in text


def test_an_unfinished_search_has_a_page_without_a_winner():
    assert "has not ended" in shown(found(summary={}))
    assert "has not ended" in shown(found([], summary={}))


def test_a_long_front_is_listed_in_part():
    alike = [changed(c, {AO: Figure(0.5), LATENCY: Figure(1.0)}, feasible=True) for c in made_up_candidates(NANO, 130)]
    text = shown(found(alike, summary={"finished": True}))
    assert text.count("data-show=") == 100 and "<td>100</td>" in text
    assert "The first 100 of 130 are listed." in text


def test_published_trackers_are_marked_and_kept_apart():
    data = found()
    text = shown(data)
    assert "0.333 published" in text and "0.327 published, not verified" in text
    assert "the crops are smaller here (96 instead of 256 px)" in text
    traces = {trace.name: trace for trace in plots(data)["peers"].data}
    assert {name: trace.yaxis for name, trace in traces.items()} == {
        "published (EAO, VOT2019)": "y",
        "published, not verified": "y",
        "front of this search": "y2",
        "recommended": "y2",
    }
    assert len(traces["front of this search"].x) == len(data.front) - 1
    assert list(data.peer_times) == ["LightTrack-Mobile"]


def test_a_search_that_counted_nothing_has_a_page_too():
    data = found([dataclasses.replace(c, figures={AO: c.figures[AO], LATENCY: c.figures[LATENCY]}) for c in CANDIDATES])
    assert data.recommendation is not None and "front of this search" not in {trace.name for trace in plots(data)["peers"].data}
    assert "AO of the recommended" in shown(data)


def test_the_winner_s_next_steps():
    text = shown(found(summary=made_up_summary()))
    assert re.search(
        r"chiptrack retrain &#x27;whole job/run/front/\d\d.json&#x27; --supernet supernet.safetensors --out tracker-\d\d.saf", text
    )


def test_outside_text_is_shown_as_text():
    """Names of architectures, strategies, devices, files and figures cannot add markup, neither to the page nor to plotly's texts."""
    evil = [
        dataclasses.replace(c, architecture=dataclasses.replace(c.architecture, name=ATTACK), strategy=ATTACK)
        for c in made_up_candidates(NANO, 40, (ATTACK, "b"))
    ]
    settings = made_up_settings(NANO, (ATTACK, "b"))
    settings["supernet"]["path"] = ATTACK
    for record in settings["predictors"]:
        record["fit"] = {"held_out": [row | {"name": ATTACK} for row in HELD_OUT], "learning": LEARNING}
    data = assemble(Path(ATTACK), settings, made_up_summary() | {"rejected": {ATTACK: 1}}, {ATTACK: [{ATTACK: ATTACK}]}, evil)
    page = draw(data)
    assert ATTACK not in page
    assert page.count("alert(") > 40
    drawn = json.dumps({name: figure.to_plotly_json() for name, figure in plots(data).items()}, default=str)
    assert "<script" not in drawn and "alert(" in drawn


@pytest.mark.parametrize(
    "name, content",
    [("summary.json", "{"), ("settings.json", "[]"), ("settings.json", '{"predictors": [3]}'), ("settings.json", "{}")],
)
def test_broken_files_are_named(run, tmp_path, name, content):
    broken = tmp_path / "run"
    broken.mkdir()
    (broken / "study").symlink_to(run / "study")
    for each in ("settings.json", "summary.json"):
        (broken / each).write_text(content if each == name else (run / each).read_text())
    with pytest.raises(ValueError, match=name):
        report(broken)


def test_no_search_no_page(tmp_path):
    with pytest.raises(FileNotFoundError, match="chiptrack search"):
        report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def ranked_by_luck(candidates):
    rng = np.random.default_rng(0)
    return [dataclasses.replace(each, scores={"ao": tuple(rng.random(16)), "auc": each.scores["auc"]}) for each in candidates]


def test_a_ranking_by_luck_is_the_first_thing_that_the_page_says():
    page = draw(found(ranked_by_luck(CANDIDATES)))
    lead = page.partition('<div class="lead">')[2]
    assert lead.startswith(
        "<p class='warning'>Do not trust this ranking: reliability of AO: two halves of its 16 scores rank 40 candidates"
    )
    assert "more pairs (--pairs)" in lead.partition("</p>")[0]


def test_a_reliable_ranking_has_a_tile_and_no_warning():
    rng = np.random.default_rng(0)
    steady = [
        dataclasses.replace(each, scores={"ao": tuple(i / 40 + rng.normal(0, 0.01, 16)), "auc": each.scores["auc"]})
        for i, each in enumerate(CANDIDATES)
    ]
    data = found(steady)
    page = draw(data)
    assert data.reliability is not None and data.reliability.halves > 0.99
    assert "class='warning'" not in page and "reliability of AO</div><div class='value'>1.00</div>" in page


def test_optimism_is_told_with_its_sign():
    told = [front_text(found(summary={**made_up_summary(), "optimism": value})) for value in (0.01, -0.02)]
    assert "0.010 worse on average on new data" in told[0] and "0.020 better on average on new data" in told[1]


def test_figures_that_no_candidate_has_are_no_axis():
    data = found()
    iou = Metric("iou", direction="maximize", source="inherited weights")
    without, judged_again = (
        dataclasses.replace(data, metrics=[*data.metrics, iou], candidates=each)
        for each in (data.candidates, [changed(data.candidates[0], {iou.found_again: Figure(0.5)}), *data.candidates[1:]])
    )
    names = [[figure["name"] for figure in columns(each)["figures"]] for each in (without, judged_again)]
    assert "iou" not in names[0] and "iou_rescored" not in names[0]
    assert "iou" not in names[1] and "iou_rescored" in names[1]
