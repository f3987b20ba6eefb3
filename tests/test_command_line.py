"""The command line as a contract: verbs, one-line errors, exit status 2, JSON on stdout and nothing else there."""

import dataclasses
import errno
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import typing
from importlib import import_module
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

import chiptrack
from search.verbs.answer import as_json, as_text
from search.verbs.flags import Flags
from supernet.checkpoints import TrackerCheckpoint, save_supernet, save_tracker
from supernet.families import FAMILIES
from supernet.sharing.supernet import Supernet
from supernet.training.initialise import initialise
from tests.commands import run
from tracking.files.annotations import read_boxes
from tracking.files.progress import progress
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import save_sequence

ROOT = Path(__file__).parents[1]
NAMED = (
    "demo",
    "devices",
    "describe",
    "measure",
    "tables",
    "fit-predictor",
    "adapt",
    "predict",
    "train",
    "search",
    "retrain",
    "tune",
    "import",
    "export",
    "track",
    "evaluate",
    "score",
    "report",
    "dashboard",
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with a tracker, a bundle, a supernet, a sequence, a video and several broken things."""
    folder = tmp_path_factory.mktemp("files")
    family = FAMILIES["nano"]
    arch = family.space.sample(np.random.default_rng(0))
    network = family.network(arch)
    initialise(network, 0)
    save_tracker(folder / "t.safetensors", TrackerCheckpoint(network, arch, family.tracker, family.settings))
    save_supernet(folder / "s.safetensors", Supernet(FAMILIES["nano"], "sliced"))
    save_sequence(synthetic_sequence(1, frames=6), folder / "seq")
    (folder / "empty").mkdir()
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "broken.safetensors").write_bytes((folder / "t.safetensors").read_bytes()[:2000])
    save_sequence(synthetic_sequence(1, frames=6), folder / "torn")
    (folder / "torn/img/00004.jpg").write_bytes(b"no image")
    torch.save({"a": 1}, folder / "odd.pth")
    (folder / "a.json").write_text(json.dumps(arch.to_json()))
    return folder


def refused(capsys, *words) -> str:
    status, out, err = run(capsys, *words)
    errors = [line for line in err.splitlines() if line.startswith("chiptrack: error: ")]
    assert (status, out, len(errors)) == (2, "", 1), err
    assert "Traceback" not in err
    return errors[0]


def test_every_verb_explains_itself(capsys):
    assert set(NAMED) <= set(chiptrack.VERBS)
    for verb in chiptrack.VERBS:
        status, out, _ = run(capsys, verb, "--help")
        assert status == 0 and f"usage: chiptrack {verb}" in out
        assert all(line.strip() for line in re.findall(r"^  (--\S+.*)$", out, re.M))
    status, out, _ = run(capsys)
    assert status == 0 and all(verb in out for verb in NAMED)


@pytest.mark.parametrize("action", chiptrack.VERBS["tables"].actions)
def test_every_action_of_tables_explains_itself(capsys, action):
    status, out, _ = run(capsys, "tables", action, "--help")
    assert status == 0 and f"usage: chiptrack tables {action}" in out
    assert "must be followed by one of list, compare" in refused(capsys, "tables")
    assert "got 'drop'" in refused(capsys, "tables", "drop")


def test_a_flag_that_takes_a_verb_over_has_flags_of_its_own(capsys):
    status, out, _ = run(capsys, "measure", "--check", "t.csv", "--help")
    assert status == 0 and "usage: chiptrack measure --check" in out and "--family" not in out
    assert "`chiptrack measure --check --help`" in run(capsys, "measure", "--help")[1]


@dataclasses.dataclass(frozen=True)
class Weather:
    """Two flags."""

    wind: float = 3.5
    """Metres a second."""
    skies: Literal["clear", "grey"] = "clear"
    """What is above."""


def walk(town: str, *, weather: Weather = Weather(), far: bool = False, resume: bool = False, breaks: int = 0) -> dict:
    """Take a walk.

    Args:
        town: Where.
        weather: Under what.
        far: Whether it takes long.
        resume: Go on.
        breaks: How many.
    """
    return {}


def fetch(tool: str | None, thing: str, *, quick: bool = False) -> dict:
    """Fetch a thing.

    Args:
        tool: With what; without one, by hand.
        thing: What.
        quick: Whether to run.
    """
    return {}


def test_a_positional_parameter_that_may_be_none_can_be_left_out_before_another_one(capsys):
    flags = Flags("chiptrack fetch", fetch)
    assert flags.parse(["rope", "bucket"]) == (["rope", "bucket"], {"quick": False}, False)
    assert flags.parse(["bucket"]) == flags.parse(["bucket"]) == ([None, "bucket"], {"quick": False}, False)
    assert flags.parse(["--quick", "bucket"]) == flags.parse(["bucket", "--quick"]) == ([None, "bucket"], {"quick": True}, False)
    assert flags.parse(["rope", "--quick", "bucket"])[0] == ["rope", "bucket"]
    for words in ([], ["rope", "bucket", "well"]):
        with pytest.raises(SystemExit):
            flags.parse(words)
    assert capsys.readouterr().err.count("\n") == 2
    with pytest.raises(SystemExit):
        flags.parse(["--help"])
    assert "[tool] thing" in capsys.readouterr().out


def test_a_dataclass_among_the_parameters_stands_for_its_fields(capsys):
    flags = Flags("chiptrack walk", walk)
    assert flags.resumes
    assert flags.parse(["Ulm", "--wind", "-2", "--far", "--json"]) == (
        ["Ulm"],
        {"weather": Weather(-2.0), "far": True, "resume": False, "breaks": 0},
        True,
    )
    with pytest.raises(SystemExit):
        flags.parse(["--help"])
    shown = capsys.readouterr().out
    assert re.search(r"--wind WIND\s+Metres a second. \(default: 3.5\)", shown)
    assert re.search(r"--breaks BREAKS\s+How many. \(default: 0\)", shown) and "(default: False)" not in shown
    with pytest.raises(SystemExit):
        flags.parse(["Ulm", "--skies", "red"])


@pytest.mark.parametrize(
    "words, hint", [(["demo"], "goes on"), (["train"], "with --resume goes on"), (["dashboard", "run"], "begins anew")]
)
def test_a_hint_after_ctrl_c_names_no_flag_that_is_missing(capsys, monkeypatch, tmp_path, words, hint):
    module, _, name = chiptrack.VERBS[words[0]].function.partition(":")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    interrupted.__signature__ = inspect.signature(getattr(import_module(module), name))
    interrupted.__doc__ = getattr(import_module(module), name).__doc__
    interrupted.__annotations__ = typing.get_type_hints(getattr(import_module(module), name))
    monkeypatch.setattr(f"{module}.{name}", interrupted)
    more = ["--family", "nano", "--out", str(tmp_path / "x")] if words == ["train"] else []
    status, out, err = run(capsys, *words, *more)
    assert (status, out) == (130, "") and err.endswith(f"the same command {hint}\n")


@pytest.mark.parametrize("words", [["fly"], ["describe"], ["describe", "lighttrack-mobile", "--jsn"], ["track"], ["train", "--family"]])
def test_typing_errors_are_one_line(capsys, words):
    assert "--help" in refused(capsys, *words)


def test_describe_prints_one_json_object(capsys):
    status, out, _ = run(capsys, "describe", "lighttrack-mobile", "--json")
    answer = json.loads(out)
    assert status == 0 and answer["params"] == 1_969_397
    assert set(answer) == {"family", "name", "key", "params", "macs", "macs_fvcore", "template_macs", "output_stride", "operators"}


def test_describe_reads_architecture_files(capsys, files):
    assert json.loads(run(capsys, "describe", files / "a.json", "--json")[1])["family"] == "nano"


@pytest.mark.parametrize("model", ["t.safetensors", "bundle"])
def test_track_writes_a_box_a_frame(capsys, files, model, tmp_path):
    if model == "bundle" and not (files / "bundle").exists():
        assert run(capsys, "export", files / "t.safetensors", "--out", files / "bundle")[0] == 0
    words = ("track", files / model, files / "seq", "--out", tmp_path / "b.txt", "--video", tmp_path / "v.mp4", "--json")
    status, out, _ = run(capsys, *words)
    answer = json.loads(out)
    assert status == 0 and answer["frames"] == 6 and 0 <= answer["ao"] <= 1 and answer["ms_per_frame"] > 0
    boxes = read_boxes(tmp_path / "b.txt")
    assert boxes.shape == (6, 4)
    assert np.allclose(boxes[0], synthetic_sequence(1, frames=6).boxes[0], atol=1e-3)
    import cv2

    assert cv2.VideoCapture(str(tmp_path / "v.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.txt", "v.mp4"]


def test_without_a_model_the_tracker_that_ships_tracks(capsys, files, tmp_path, monkeypatch):
    monkeypatch.setattr("supernet.shipped.TRACKER", files / "t.safetensors")
    status, out, _ = run(capsys, "track", files / "seq", "--out", tmp_path / "b.txt", "--lr", "0.3", "--json")
    assert status == 0 and json.loads(out)["frames"] == 6
    run(capsys, "track", files / "t.safetensors", files / "seq", "--out", tmp_path / "named.txt", "--lr", "0.3")
    assert (tmp_path / "b.txt").read_bytes() == (tmp_path / "named.txt").read_bytes()
    assert "is a model and nothing follows it" in refused(capsys, "track", files / "t.safetensors")
    assert "--box" in refused(capsys, "track", files / "seq/img")
    monkeypatch.setattr("supernet.shipped.TRACKER", files / "none.safetensors")
    said = refused(capsys, "track", files / "seq")
    assert "none.safetensors does not exist" in said and "name a model" in said


def test_track_folder_of_images_and_video_with_a_given_box(capsys, files, tmp_path):
    run(capsys, "track", files / "t.safetensors", files / "seq", "--video", tmp_path / "v.mp4")
    for source in (files / "seq/img", tmp_path / "v.mp4"):
        status, out, _ = run(capsys, "track", files / "t.safetensors", source, "--box", "100,80,40,30", "--lr", "0.3", "--json")
        assert status == 0 and json.loads(out)["frames"] == 6
    assert "--box" in refused(capsys, "track", files / "t.safetensors", files / "seq/img")


@pytest.mark.parametrize(
    "words, said",
    [
        (("describe", "lighttrack-huge"), "lighttrack-huge"),
        (("describe", "{}/none.json"), "none.json"),
        (("track", "{}/none.safetensors", "{}/seq"), "none.safetensors"),
        (("track", "{}/broken.safetensors", "{}/seq"), "damaged"),
        (("track", "{}/s.safetensors", "{}/seq"), "retrain"),
        (("track", "{}/empty", "{}/seq"), "tracker.json"),
        (("track", "{}/t.safetensors", "{}/none"), "none"),
        (("track", "{}/t.safetensors", "{}/empty"), "empty"),
        (("track", "{}/t.safetensors", "{}/broken.mp4", "--box", "1,2,30,40"), "broken.mp4"),
        (("track", "{}/t.safetensors", "{}/torn"), "00004.jpg"),
        (("track", "{}/t.safetensors", "{}/seq", "--box", "1,2,3"), "1,2,3"),
        (("track", "{}/t.safetensors", "{}/seq", "--box", "1,2,0,4"), "box"),
        (("track", "{}/t.safetensors", "{}/seq", "--box", "9000,2,30,40"), "9000"),
        (("track", "{}/t.safetensors", "{}/seq", "--box", "0,0,nan,40"), "nan"),
        (("track", "{}/t.safetensors", "{}/seq", "--lr", "7"), "lr"),
        (("track", "{}/t.safetensors", "{}/seq", "--search-size", "-8"), "search_size"),
        (("track", "{}/t.safetensors", "{}/seq", "--search-size", "100"), "search_size"),
        (("track", "{}/t.safetensors", "{}/seq", "--device", "toaster"), "toaster"),
        (("track", "{}/t.safetensors", "{}/seq", "--device", "meta"), "meta"),
        (("track", "{}/t.safetensors", "{}/seq", "--search-size", "80000"), "search_size"),
        (("track", "{}/t.safetensors", "{}/seq", "--out", "{}/empty"), "folder"),
        (("track", "{}/t.safetensors", "{}/seq", "--out", "{}/t.safetensors"), "replace"),
        (("track", "{}/t.safetensors", "{}/seq", "--out", "{}/seq/groundtruth.txt"), "replace"),
        (("track", "{}/t.safetensors", "{}/seq", "--out", "{}/seq/img/00001.jpg"), "lie among"),
        (("track", "{}/t.safetensors", "{}/seq", "--video", "{}/seq/new.mp4"), "lie among"),
        (("track", "{}/t.safetensors", "{}/seq", "--out", "{}/new", "--video", "{}/new"), "two results"),
        (("track", "{}/t.safetensors", "{}/seq", "--video", "{}/new.txt"), ".mp4"),
        (("track", "{}/t.safetensors", "{}/seq/img", "--box", "0.2,0.3,0.4,0.5"), "shares of the image"),
        (("track", "{}/t.safetensors", "{}/seq/img", "--box", "20,30,0.4,50"), "at least a pixel"),
        (("track", "{}/t.safetensors", "{}/seq", "--least-size", "0"), "least_size"),
        (("track", "{}/t.safetensors", "9" * 20, "--box", "1,2,30,40"), "source"),
        (("import", "{}/none.pth", "--architecture", "lighttrack-mobile", "--out", "{}/new"), "none.pth"),
        (("import", "{}/odd.pth", "--architecture", "lighttrack-mobile", "--out", "{}/new"), "odd.pth"),
        (("import", "{}/broken.mp4", "--architecture", "lighttrack-mobile", "--out", "{}/new"), "broken.mp4"),
        (("export", "{}/broken.safetensors", "--out", "{}/new"), "damaged"),
        (("export", "{}/none.safetensors", "--out", "{}/new"), "a checkpoint must be a file"),
        (("export", "lighttrack-mobile", "--format", "tensorrt", "--out", "{}/new"), "tensorrt"),
        (("evaluate", "{}/t.safetensors", "--dataset", "lasot", "--root", "{}", "--out", "{}/new"), "lasot"),
        (("evaluate", "{}/t.safetensors", "--dataset", "folder", "--root", "{}/empty", "--out", "{}/new"), "empty"),
        (("train", "--family", "micro", "--out", "{}/new"), "micro"),
        (("train", "--family", "nano", "--steps", "0", "--out", "{}/new"), "steps"),
        (("train", "--family", "nano", "--seed", "-1", "--out", "{}/new"), "seed must be 0 or more"),
        (("retrain", "lighttrack-mobile", "--loaders", "-1", "--out", "{}/new"), "loaders must be 0 or more"),
        (("train", "--family", "nano", "--out", "{}/a.json/new"), "a.json"),
        (("retrain", "nano:back", "--out", "{}/new"), "nano:back"),
        (("retrain", "lighttrack-mobile", "--supernet", "{}/s.safetensors", "--out", "{}/new"), "one family"),
        (("measure", "--family", "micro", "--out", "{}/new.csv"), "micro"),
        (("measure", "--family", "nano", "--threads", "-1", "--out", "{}/new.csv"), "threads"),
        (("measure", "--family", "nano", "--device", "ftp://x", "--out", "{}/new.csv"), "ftp://x"),
        (("fit-predictor", "{}/none.csv", "--out", "{}/new"), "none"),
        (("predict", "lighttrack-mobile", "--predictor", "{}/a.json"), "a.json"),
        (("search", "--supernet", "{}/t.safetensors", "--predictor", "{}/a.json", "--out", "{}/new"), "supernet"),
        (("search", "--supernet", "{}/s.safetensors", "--predictor", "{}/a.json", "--seed", "-1", "--out", "{}/new"), "seed"),
        (("report", "{}/empty"), "empty"),
        (("demo", "--out", "{}/new", "--minutes", "-1"), "minutes"),
        (("demo", "--out", "{}/a.json"), "a.json"),
        (("demo", "--out", "{}/new", "--real", "{}/none"), "none"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(capsys, files, words, said):
    before = sorted(files.rglob("*"))
    assert said in refused(capsys, *(word.replace("{}", str(files)) for word in words))
    assert sorted(files.rglob("*")) == before


def test_an_error_of_a_device_keeps_its_names(capsys, monkeypatch):
    def full():
        raise OSError(errno.ENOSPC, "device adb://R58M must hold Model.onnx, it says: no space; make room there")

    monkeypatch.setattr("latency_tables.devices.devices", full)
    full.__doc__ = "List what can be used."
    assert refused(capsys, "devices").endswith("device adb://R58M must hold Model.onnx, it says: no space; make room there")


def test_values_may_begin_with_a_minus(capsys, files):
    assert run(capsys, "track", files / "t.safetensors", files / "seq", "--box", "-5,-5,200,200")[0] == 0
    said = refused(capsys, "search", "--supernet", files / "s.safetensors", "--predictor", "p", "--out", "o", "--max-macs", "-5M")
    assert "expected one argument" not in said


def test_a_window_needs_a_display(capsys, files, monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":99")  # which nobody serves: the library behind OpenCV's windows would end the process
    assert "--video" in refused(capsys, "track", files / "t.safetensors", files / "seq", "--show")


def test_json_knows_no_nan():
    assert json.loads(as_json({"a": [float("nan"), 1.5], "b": {"c": float("inf")}})) == {"a": [None, 1.5], "b": {"c": None}}


def test_evaluate_refuses_sequences_that_it_cannot_tell_apart(capsys, files, tmp_path):
    for name in ("a/s", "b/s"):
        shutil.copytree(files / "seq", tmp_path / name)
    words = ("evaluate", files / "t.safetensors", "--dataset", "folder", "--root", tmp_path, "--out", tmp_path / "run")
    assert "s, s_time, s_score would be written twice" in refused(capsys, *words)


def test_evaluate_resumes_with_the_same_weights_only(capsys, files, tmp_path):
    model = tmp_path / "m.safetensors"
    shutil.copy(files / "t.safetensors", model)
    words = ("evaluate", model, "--dataset", "folder", "--root", files / "seq", "--out", tmp_path / "run", "--resume")
    assert run(capsys, *words)[0] == 0
    model.rename(tmp_path / "moved.safetensors")
    assert run(capsys, words[0], tmp_path / "moved.safetensors", *words[2:])[0] == 0
    family = FAMILIES["nano"]
    arch = family.space.sample(np.random.default_rng(1))
    save_tracker(model, TrackerCheckpoint(family.network(arch), arch, family.tracker, family.settings_of(arch)))
    assert "keep its model" in refused(capsys, *words)


def test_a_checkpoint_is_never_overwritten(capsys, files):
    assert "exists" in refused(capsys, "train", "--family", "nano", "--out", files / "s.safetensors")
    assert "exist" in refused(capsys, "export", files / "t.safetensors", "--out", files / "empty")


def test_evaluate_resumes(capsys, files, tmp_path):
    words = ("evaluate", files / "t.safetensors", "--dataset", "folder", "--root", files / "seq", "--out", tmp_path / "run")
    assert run(capsys, *words)[0] == 0
    boxes = tmp_path / "run/seq.txt"
    stamp = boxes.stat().st_mtime_ns
    assert "--resume" in refused(capsys, *words)
    status, out, _ = run(capsys, *words, "--resume", "--json")
    assert status == 0 and boxes.stat().st_mtime_ns == stamp
    assert json.loads(out) == json.loads((tmp_path / "run/scores.json").read_text())


def test_evaluate_tracks_anew_what_has_changed(capsys, files, tmp_path):
    root, out = tmp_path / "data", tmp_path / "run"
    for name in ("a", "b"):
        shutil.copytree(files / "seq", root / name)
    words = ("evaluate", files / "t.safetensors", "--dataset", "folder", "--root", root, "--out", out)
    assert run(capsys, *words)[0] == 0
    before = {name: (out / f"{name}.txt").read_bytes() for name in ("a", "b")}
    stamp = (out / "b.txt").stat().st_mtime_ns
    lines = (root / "a/groundtruth.txt").read_text().splitlines()
    (root / "a/groundtruth.txt").write_text("\n".join(["30,40,50,60", *lines[1:]]))
    status, _, err = run(capsys, *words, "--resume")
    assert status == 0 and "a has changed since it was tracked" in err and "b has changed" not in err
    assert read_boxes(out / "a.txt")[0].tolist() == [30, 40, 50, 60] and before["a"] != (out / "a.txt").read_bytes()
    assert (out / "b.txt").stat().st_mtime_ns == stamp


def test_evaluate_scores_what_can_be_scored_and_lists_the_rest(capsys, files, tmp_path):
    for name in ("good", "first-only", "blind", "short"):
        shutil.copytree(files / "seq", tmp_path / "data" / name)
    lines = (files / "seq/groundtruth.txt").read_text().splitlines()
    (tmp_path / "data/first-only/groundtruth.txt").write_text(lines[0])
    (tmp_path / "data/blind/groundtruth.txt").write_text("\n".join(["nan,nan,nan,nan", *lines[1:]]))
    (tmp_path / "data/short/groundtruth.txt").write_text("\n".join(lines[:3]))
    words = ("evaluate", files / "t.safetensors", "--dataset", "folder", "--out", tmp_path / "run", "--json", "--root")
    status, out, err = run(capsys, *words, tmp_path / "data")
    answer = json.loads(out)
    assert status == 0 and [each["name"] for each in answer["sequences"]] == ["good"] and answer["ao"] == answer["sequences"][0]["ao"]
    assert answer["unscored"] == ["first-only"] and set(answer["left_out"]) == {"blind", str(tmp_path / "data/short")}
    assert "3 boxes for 6 frames" in err and read_boxes(tmp_path / "run/first-only.txt").shape == (6, 4)

    status, out, _ = run(capsys, *words[:5], tmp_path / "alone", *words[6:], tmp_path / "data/first-only")
    assert status == 0 and json.loads(out)["ao"] is None and json.loads(out)["unscored"] == ["first-only"]
    assert "none of 1 has" in refused(capsys, *words[:5], tmp_path / "none", *words[6:], tmp_path / "data/blind")


def test_one_sequence_that_cannot_be_tracked_does_not_stop_the_others(capsys, files, tmp_path):
    for name in ("a", "z"):
        shutil.copytree(files / "seq", tmp_path / "data" / name)
    (tmp_path / "data/a/img/00003.jpg").write_bytes(b"no image")
    words = ("evaluate", files / "t.safetensors", "--dataset", "folder", "--root", tmp_path / "data", "--out", tmp_path / "run")
    said = refused(capsys, *words)
    assert "sequence a" in said and "00003.jpg" in said and "--resume" in said
    assert (tmp_path / "run/z.txt").exists() and not (tmp_path / "run/scores.json").exists()
    shutil.copy(tmp_path / "data/z/img/00003.jpg", tmp_path / "data/a/img/00003.jpg")
    status, out, _ = run(capsys, *words, "--resume", "--json")
    assert status == 0 and len(json.loads(out)["sequences"]) == 2


def test_a_film_with_damage_keeps_the_numbers_of_its_frames(capsys, files, tmp_path):
    import cv2

    assert run(capsys, "track", files / "t.safetensors", files / "seq", "--video", tmp_path / "v.avi")[0] == 0
    assert cv2.VideoCapture(str(tmp_path / "v.avi")).get(cv2.CAP_PROP_FPS) == 25
    content = bytearray((tmp_path / "v.avi").read_bytes())
    second = [at for at in range(content.find(b"movi"), len(content)) if content[at : at + 4] == b"00dc"][2]
    content[second : second + 8] = bytes(8)
    (tmp_path / "v.avi").write_bytes(content)
    words = ("track", files / "t.safetensors", tmp_path / "v.avi", "--box", "100,80,40,30", "--out", tmp_path / "b.txt", "--json")
    status, out, err = run(capsys, *words)
    answer = json.loads(out)
    assert status == 0 and (answer["frames"], answer["lost_in_decoding"]) == (5, 1)
    assert "5 of the 6 frames" in err and "number 2" in err
    assert np.isnan(read_boxes(tmp_path / "b.txt")).all(axis=1).tolist() == [False, False, True, False, False, False]


def test_missing_libraries_of_opencv_name_both_ways_out(tmp_path):
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    words = [sys.executable, "-W", "ignore", "-m", "chiptrack", "track", "a", "b"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "apt-get install libgl1" in done.stderr and "opencv-python-headless" in done.stderr


def test_progress_without_a_known_end_prints_no_line_for_each_step(capsys):
    for total, lines in ((0, 1), (5, 2)):  # a camera; a video of five frames
        with progress("tracking", total) as report:
            for count in range(1, 6):
                report(count, "")
        assert len(capsys.readouterr().err.splitlines()) == lines


def test_answers_for_a_person_are_tables(capsys):
    assert as_text([{"a": 1, "b": 0.123456}, {"a": 22}]) == "a   b\n1   0.1235\n22"
    assert as_text({"x": 1, "long": [1, 2]}) == "x     1\nlong  1, 2"
    assert as_text([{"a": 1, "of": {"b": 2, "c": 3}}, {"a": 4, "of": {"c": 5}}]) == "a  of b  of c\n1  2     3\n4        5"


def test_a_person_is_shown_the_beginning_of_a_long_list():
    assert as_text({"a": [1, 2]}) == "a  1, 2"
    assert as_text({"a": list(range(10))}) == "a  0, 1, 2, 3, 4, 5, 6, 7, and 2 more (--json lists all)"
