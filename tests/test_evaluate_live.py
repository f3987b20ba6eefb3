"""The verb `evaluate --camera`: time simulated from a latency or a predictor, and taken really."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from predictors.load import load_latency
from supernet.deploy.evaluating.live import Live, track_live_jobs
from supernet.deploy.evaluating.work import Job
from supernet.deploy.loading import architecture_of
from tests.commands import run
from tests.test_camera import Clock, Reader, video
from tests.test_evaluate import write_films, write_tracker
from tracking.camera import live as timing
from tracking.files.runs import load_run

PREDICTOR = Path(__file__).parent / "data" / "predictor-3.json"
LENGTHS = {"a": 14, "b": 9}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A tracker as checkpoint and as bundle, a data set, and predictors of a fast and of a slow chip."""
    folder = tmp_path_factory.mktemp("live")
    write_tracker(folder)
    write_films(folder / "data", LENGTHS)
    shutil.copy(PREDICTOR, folder / "fast.json")
    record = json.loads(PREDICTOR.read_text())
    record["operator_ms"] = {key: 100 * ms for key, ms in record["operator_ms"].items()}
    (folder / "slow.json").write_text(json.dumps(record))
    return folder


def evaluated(capsys, files, out: str, *further, model="t.safetensors") -> tuple[dict, dict]:
    """The answer, and the run of each sequence."""
    words = ("evaluate", files / model, "--dataset", "folder", "--root", files / "data", "--out", files / out, *further, "--json")
    status, printed, said = run(capsys, *words)
    assert status == 0, said
    return json.loads(printed), {name: load_run(files / out, name) for name in LENGTHS if (files / out / f"{name}.txt").is_file()}


def test_a_tracker_that_keeps_up_scores_as_without_a_camera_and_another_chip_gives_another_value(files, capsys):
    plain, _ = evaluated(capsys, files, "plain")
    even, _ = evaluated(capsys, files, "even", "--camera", "30", "--latency", "33.3ms")
    fast, _ = evaluated(capsys, files, "fast", "--camera", "30", "--latency", files / "fast.json")
    slow, runs = evaluated(capsys, files, "slow", "--camera", "30", "--latency", files / "slow.json", "--batch", "2")
    for other in (even, fast):
        assert [each["ao"] for each in other["sequences"]] == [each["ao"] for each in plain["sequences"]] and other["camera"]["shown"] == 1
    assert "camera" not in plain and even["ms_per_frame"] == pytest.approx(33.3)
    assert slow["ao"] != plain["ao"] and slow["camera"]["shown"] < 1
    predictor, arch = load_latency(files / "slow.json"), architecture_of(str(files / "t.safetensors"))
    assert slow["camera"] == {
        "fps": 30,
        "latency_ms": predictor.predict([arch]).value[0],
        "template_ms": predictor.template_ms([arch])[0],
        "motion": "hold",
        "shown": slow["camera"]["shown"],
    }
    assert slow["ms_per_frame"] == pytest.approx(slow["camera"]["latency_ms"], abs=1e-3)
    assert sum(np.isfinite(each.seconds).sum() for each in runs.values()) == round(slow["camera"]["shown"] * sum(LENGTHS.values()))
    assert json.loads((files / "slow" / "scores.json").read_text()) == slow


def test_a_bundle_has_its_architecture_too_and_boxes_may_move_on(files, capsys):
    held, still = evaluated(capsys, files, "of-bundle", "--camera", "10", "--latency", "250ms", model="bundle")
    moved, moving = evaluated(
        capsys, files, "moved", "--camera", "10", "--latency", "0.25s", "--motion", "constant-velocity", model="bundle"
    )
    assert np.array_equal(still["a"].boxes[3:6], np.repeat(still["a"].boxes[3:4], 3, axis=0))  # the answer about frame 1
    before, last = still["a"].boxes[8], still["a"].boxes[11]  # the answers about frames 6 and 8
    assert (
        moving["a"].boxes[11, :2] == pytest.approx(last[:2] + (last - before)[:2] / 2 * 3, abs=0.02) and moved["camera"]["motion"] != "hold"
    )
    assert not np.allclose(moving["a"].boxes[11], last, atol=1)
    assert held["camera"]["shown"] == pytest.approx((6 + 4) / 23)  # frames 0, 1, 3, 6, 8, 11 of 14; 0, 1, 3, 6 of 9
    assert architecture_of(str(files / "bundle")) == architecture_of(str(files / "t.safetensors"))


def test_an_evaluation_goes_on_with_the_same_camera_alone(files, capsys):
    first, _ = evaluated(capsys, files, "again", "--camera", "10", "--latency", "250")
    (files / "again" / "b.txt").unlink()
    second, _ = evaluated(capsys, files, "again", "--camera", "10", "--latency", "250", "--resume")
    assert second == first
    words = ("evaluate", files / "t.safetensors", "--dataset", "folder", "--root", files / "data", "--out", files / "again", "--resume")
    for further in ((), ("--camera", "10", "--latency", "249"), ("--camera", "10"), ("--camera", "12", "--latency", "250")):
        status, _, said = run(capsys, *words, *further)
        assert status == 2 and "a resumed evaluation must keep" in said


def test_a_benchmark_behind_a_camera(files, capsys):
    answer, _ = evaluated(capsys, files, "got", "--camera", "10", "--latency", "250ms", "--benchmark", "got10k")
    plain, _ = evaluated(capsys, files, "got-plain", "--benchmark", "got10k")
    assert answer["camera"]["latency_ms"] == 250 and answer["benchmark"] == "got10k" and answer["ao"] != plain["ao"]
    assert Path(answer["results"]).exists()


@pytest.mark.parametrize(
    "further, message",
    [
        (("--camera", "0"), "rate must be a number of frames a second above 0, got 0"),
        (("--camera", "nan"), "above 0, got nan"),
        (("--camera", "30", "--latency", "soon"), "latency must be a time such as 12ms, or the file of a predictor, got 'soon'"),
        (("--camera", "30", "--latency", "-3ms"), "got '-3ms'"),
        (("--camera", "30", "--latency", "none.json"), "a predictor must be a file, none.json is none"),
        (("--camera", "30", "--motion", "drift"), "motion must be one of hold, constant-velocity, got 'drift'"),
        (("--camera", "30", "--benchmark", "vot2019"), "a tracker is started once, vot2019 starts it again"),
        (("--camera", "30", "--batch", "4"), "one sequence after the other, got --batch 4; leave it out, or add --latency"),
        (("--camera", "30", "--latency", "3ms", "--processes", "2"), "in one process, got --processes 2"),
        (("--latency", "3ms"), "--latency"),
    ],
)
def test_what_makes_no_sense_is_one_line(files, capsys, further, message):
    words = ("evaluate", files / "t.safetensors", "--dataset", "folder", "--root", files / "data", "--out", files / "refused")
    status, _, said = run(capsys, *words, *further)
    assert status == 2 and message in said and said.count("\n") == 1
    assert not (files / "refused").exists()


def test_a_predictor_of_another_family_is_refused(files, capsys, monkeypatch):
    monkeypatch.setattr("search.verbs.evaluate_live.load_latency", lambda path: type("Other", (), {"family": "elastic"}))
    words = ("evaluate", files / "t.safetensors", "--dataset", "folder", "--root", files / "data", "--out", files / "refused")
    status, _, said = run(capsys, *words, "--camera", "30", "--latency", files / "fast.json")
    assert status == 2 and "is for elastic and" in said and "is of nano" in said


def test_without_a_latency_the_tracker_is_timed(tmp_path, monkeypatch):
    """By a clock of the test: 2.5 periods a frame. A sequence that cannot be tracked is told, and the others go on."""
    clock = Clock()
    monkeypatch.setattr(timing, "SYSTEM", clock)
    monkeypatch.setattr(timing.track_live, "__defaults__", (*timing.track_live.__defaults__[:-1], clock))
    lost = replace(video(5, {0: [900, 0, 20, 20]}), name="lost")
    jobs = [Job(lost, tmp_path), Job(video(13), tmp_path)]
    found = dict(track_live_jobs(Reader(None, clock, 0.25), jobs, 1, Live(10)))
    assert "first box must lie in the first image" in found[0] and found[1] == ""
    run = load_run(tmp_path, "counted")
    assert (run.boxes[:, 0] / 10).tolist() == [0, 0, 0, 1, 1, 1, 3, 3, 6, 6, 6, 8, 8]
    assert np.flatnonzero(np.isfinite(run.seconds)).tolist() == [0, 1, 3, 6, 8] and run.seconds[1] == pytest.approx(0.25)
    assert Live(10).answer([run]) == {"fps": 10, "latency_ms": None, "template_ms": 0, "motion": "hold", "shown": 5 / 13}


def test_the_verb_times_a_real_tracker(files, capsys):
    """Whatever this machine is capable of: the first frame is given, and shown frames alone have times."""
    answer, runs = evaluated(capsys, files, "real", "--camera", "5")
    assert answer["camera"]["latency_ms"] is None and 0 < answer["camera"]["shown"] <= 1
    for each in runs.values():
        assert np.isfinite(each.boxes).all() and np.isfinite(each.seconds[0]) and len(each.boxes) == LENGTHS[each.name]
