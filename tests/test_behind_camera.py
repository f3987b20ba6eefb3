"""The metric ao@FPS: AO on a chip behind a camera, from the judge over a whole search to the page."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from predictors.load import load_latency
from search.judging.clips import ao_behind_cameras, score_each
from search.judging.inherited import InheritedJudge
from search.judging.judge import Job, Outcome
from search.judging.validation import SEARCH_SEED, Validation
from search.library import SearchOptions, run_search
from search.metrics import METRICS, Figure, Metric, Objective
from search.metrics.accuracy import AO
from search.metrics.behind_camera import AO_AT, ao_behind_camera
from search.metrics.counted import multiply_adds
from search.metrics.metric import Known
from search.metrics.predicted import LATENCY, TEMPLATE, predicted_latency, template_latency
from search.problem.problem import Problem, deciding
from search.study.study import read_candidates
from search.verbs.search import JudgingOptions, RunningOptions, search
from search.workers.inline import InlineWorkers
from supernet.checkpoints import save_supernet
from supernet.families import FAMILIES
from supernet.training.initialise import initialise
from tracking.benchmarks.one_pass import score
from tracking.camera.schedule import Camera
from tracking.camera.simulated import track_simulated
from tracking.generated.synthetic import synthetic_sequence

NANO = FAMILIES["nano"]
FAST = Path(__file__).parent / "data" / "predictor-3.json"
SEQUENCES = range(SEARCH_SEED, SEARCH_SEED + 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A supernet, a fast chip on which networks take less than a millisecond, and one that is many times slower."""
    folder = tmp_path_factory.mktemp("behind")
    supernet = NANO.supernet()
    initialise(supernet, seed=0)
    save_supernet(folder / "supernet.safetensors", supernet)
    shutil.copy(FAST, folder / "fast.json")
    record = json.loads(FAST.read_text())
    record["operator_ms"] = {key: 500 * ms for key, ms in record["operator_ms"].items()}
    (folder / "slow.json").write_text(json.dumps(record))
    return folder


def milliseconds(path: Path, arch) -> float:
    return float(load_latency(path).predict([arch]).value[0])


def test_a_metric_for_each_rate_and_device(folder):
    chips = [(name, load_latency(folder / f"{name}.json")) for name in ("fast", "slow")]
    found = METRICS[AO_AT].objectives(Known(NANO, {"latency": chips}, (30.0, 60.0)))
    assert [each.metric.spelling for each in found] == ["ao@30:fast", "ao@30:slow", "ao@60:fast", "ao@60:slow"]
    assert all(not each.cheap and each.metric.direction == "maximize" for each in found)
    assert deciding([predicted_latency(chips[0][1]).metric, found[0].metric])[0] == found[0].metric  # it is an accuracy
    assert METRICS[AO_AT].objectives(Known(NANO, {"latency": chips})) == []


def test_cameras_have_the_mean_prediction_of_their_chip_or_what_was_measured(folder):
    chips = {name: load_latency(folder / f"{name}.json") for name in ("fast", "slow")}
    objectives = [ao_behind_camera(chip, 30, name) for name, chip in chips.items()]
    problem = Problem(NANO, (*objectives, multiply_adds(NANO)), (), 4)
    arch = NANO.space.sample(np.random.default_rng(0))
    cameras = problem.cameras(arch)
    for name, chip in chips.items():
        expected = Camera(30, float(chip.predict([arch]).value[0]), float(chip.template_ms([arch])[0]))
        assert cameras[f"ao@30:{name}"] == expected
    slow, fast = cameras["ao@30:slow"].latency_ms, cameras["ao@30:fast"].latency_ms
    assert isinstance(slow, float) and isinstance(fast, float) and slow > 1000 / 30 > fast
    on_slow = {Metric(each.kind, "ms", source="predicted", device="slow"): Figure(7.0 + i) for i, each in enumerate((LATENCY, TEMPLATE))}
    known = problem.cameras(arch, on_slow)
    assert known["ao@30:slow"] == Camera(30, 7.0, 8.0) and known["ao@30:fast"] == cameras["ao@30:fast"]
    assert Problem(NANO, (Objective(AO), multiply_adds(NANO)), (), 4).cameras(arch) == {}


@pytest.fixture(scope="module")
def judge(folder):
    return InheritedJudge(folder / "supernet.safetensors", Validation("synthetic", 12))


def test_the_judge_tracks_behind_the_cameras_of_the_job(judge):
    """At a latency up to a period it is AO exactly; a slower chip gives another value for the same network, that of a run of its own."""
    arch = judge.family.space.sample(np.random.default_rng(0))
    cameras = {"even": Camera(30, 1000 / 30), "late": Camera(30, 90.0, 10.0), "later": Camera(30, 400.0)}
    scores = judge(Job(arch, SEQUENCES, cameras=cameras)).scores
    assert scores["even"] == scores["ao"] == judge(Job(arch, SEQUENCES)).scores["ao"]
    assert len({scores["ao"], scores["late"], scores["later"]}) == 3
    films = [synthetic_sequence(seed, 12) for seed in SEQUENCES]
    runs = track_simulated(judge.procedure(arch), films, [cameras["late"]] * 2, restarts=True)
    assert scores["late"] == tuple(score(run.boxes, film.boxes).ao for run, film in zip(runs, films, strict=True))


def test_cameras_that_show_the_same_frames_share_a_run(judge):
    films = [synthetic_sequence(seed, 6) for seed in SEQUENCES]
    procedure = judge.procedure(judge.family.space.sample(np.random.default_rng(1)))
    ao = tuple(one.ao for one in score_each(procedure, films))
    steps = []
    procedure.step = lambda images, state, step=procedure.step: steps.append(len(images)) or step(images, state)
    assert ao_behind_cameras(procedure, films, {"a": Camera(30, 3), "b": Camera(25, 40)}, ao) == {"a": ao, "b": ao} and not steps
    found = ao_behind_cameras(procedure, films, {"a": Camera(10, 150), "b": Camera(20, 75.0)}, ao)
    assert found["a"] == found["b"] and 0 < len(steps) <= 5


def test_a_search_for_it_prefers_what_is_fast_enough(tmp_path):
    """The judge says that a network has AO 0.8, and 0.3 where it is late; a latency of a nanosecond for each multiply-add decides which it is."""
    work = multiply_adds(NANO)
    metric = Metric(AO_AT, direction="maximize", source="inherited weights", fps=100)
    behind = Objective(metric, times=lambda choices: np.stack([work.of(choices) / 1e6, np.zeros(len(choices))], axis=1))

    def answer(job: Job) -> Outcome:
        late = [10.0 < camera.latency_ms for camera in job.cameras.values()]
        value = 0.8 - 0.5 * late[0]
        return Outcome({name: (value, value + 0.001, value - 0.002) for name in job.cameras}, 1.0)

    options = SearchOptions(sequences=range(3), rescoring=range(10, 13), recalibrate=True)
    found = run_search(Problem(NANO, (behind, work), (), 20), "random", InlineWorkers(answer, 1), tmp_path / "study", options)
    best = found.recommendation.winner
    assert work.of(NANO.space.indices([best.architecture]))[0] < 10e6 and best.value(metric) == pytest.approx(0.8, abs=1e-3)
    assert best.figures[metric].noise == pytest.approx(np.std([0, 0.001, -0.002], ddof=1) / 3**0.5)
    assert set(best.rescored) == {"ao@100"} == set(best.recalibrated) and best.figures[metric.found_again].noise
    assert {candidate.value(metric) > 0.5 for candidate in found.candidates} == {True, False}
    assert [each.figures for each in read_candidates(tmp_path / "study")] == [each.figures for each in found.candidates]


def test_rescoring_takes_the_latency_that_is_known_by_then(tmp_path):
    """A measured or corrected latency is a figure of the candidate, which counts where it is judged again."""
    work = multiply_adds(NANO)
    metric = Metric(AO_AT, direction="maximize", source="inherited weights", fps=100)
    behind = Objective(metric, times=lambda choices: np.full((len(choices), 2), 1.0))
    figures = (
        Objective(LATENCY, lambda choices: np.full(len(choices), 3.0)),
        Objective(TEMPLATE, lambda choices: np.full(len(choices), 2.0)),
    )
    asked = {}

    def answer(job: Job) -> Outcome:
        asked.setdefault(job.sequences.start, set()).add(job.cameras["ao@100"])
        return Outcome({"ao@100": (0.5, 0.6)}, 1.0)

    options = SearchOptions(sequences=range(2), rescoring=range(10, 12))
    run_search(Problem(NANO, (behind, work), (), 4, noted=figures), "random", InlineWorkers(answer, 1), tmp_path / "study", options)
    assert asked == {0: {Camera(100, 1.0, 1.0)}, 10: {Camera(100, 3.0, 2.0)}}


def test_objective_column_and_axis(folder):
    """The whole way of `search --objectives ao@30:fast ao@30:slow latency:slow`."""
    run = folder / "run"
    summary = search(
        supernet=folder / "supernet.safetensors",
        predictor=[folder / "fast.json", folder / "slow.json"],
        out=run,
        objectives=["ao@30", "latency:slow"],
        judging=JudgingOptions(sequences=2, rescoring=2, frames=6),
        running=RunningOptions("random", 4, unmeasured=True),
    )
    settings = json.loads((run / "settings.json").read_text())
    assert [each["name"] for each in settings["objectives"]] == ["ao@30:fast", "ao@30:slow", "latency_ms:slow"]
    assert {each["name"]: each.get("fps") for each in settings["figures"]}["ao@30:slow"] == 30
    rows = list(csv.DictReader((run / "candidates.csv").read_text().splitlines()))
    assert len(rows) == 4
    for row in rows:  # nano on the fast chip sees every frame, on the slow one not
        assert row["ao@30:fast"] == row["ao"] and row["ao@30:fast_source"] == "inherited weights"
        assert row["ao@30:fast_noise"] == row["ao_noise"] and float(row["latency_ms:slow"]) > 1000 / 30 > float(row["latency_ms:fast"])
    assert any(row["ao@30:slow"] != row["ao"] for row in rows)
    assert "AO behind a camera of 30 fps on 2 further sequences" in summary["why"]
    page = (run / "report.html").read_text()
    record = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    axes = {figure["title"]: figure for figure in record["figures"]}
    for device in ("fast", "slow"):
        axis = axes[f"AO behind a camera of 30 fps, {device}"]
        assert axis["values"] == pytest.approx([float(row[f"ao@30:{device}"]) for row in rows]) and axis["noise"]
        again = axes[f"AO behind a camera of 30 fps, judged again, {device}"]
        assert again["kind"] == axis["kind"] == "ao@30" and any(value is not None for value in again["values"])


def test_one_problem_of_latency_is_enough(folder):
    """With a single predictor the device has no name, as for `latency`."""
    [objective] = METRICS[AO_AT].objectives(Known(NANO, {"latency": [("", load_latency(folder / "slow.json"))]}, (30.0,)))
    assert objective.metric.spelling == objective.metric.name == "ao@30"
    arch = NANO.space.sample(np.random.default_rng(3))
    choices = NANO.space.indices([arch])
    assert objective.times(choices)[0].tolist() == [
        milliseconds(folder / "slow.json", arch),
        template_latency(load_latency(folder / "slow.json")).of(choices)[0],
    ]
