"""The verb `evaluate` by the protocols of benchmarks, several at once, and through whatever may interrupt it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from supernet.checkpoints import TrackerCheckpoint, save_tracker
from supernet.deploy.evaluate import Asked, evaluate
from supernet.deploy.export import write_bundle
from supernet.families import FAMILIES
from supernet.training.initialise import initialise
from tests.commands import run
from tracking.benchmarks import BENCHMARKS
from tracking.benchmarks.benchmark import State
from tracking.files.runs import load_run
from tracking.sequence import Sequence, save_sequence

ROOT = Path(__file__).parents[1]
LENGTHS = {"a": 24, "b": 9, "c": 15, "d": 2}


def film(name: str, seed: int, frames: int) -> Sequence:
    """A rectangle that runs through noise too fast for a network with random weights."""
    rng = np.random.default_rng(seed)
    corners = 30 + 40 * (1 + np.sin(np.arange(frames)[:, None] * [0.9, 1.3] + seed))
    images = tuple(rng.integers(0, 90, (150, 160 + seed, 3)).astype(np.uint8) for _ in range(frames))
    for image, (x, y) in zip(images, corners.astype(int), strict=True):
        image[y : y + 16, x : x + 20] += 120
    return Sequence(name, images, np.column_stack([corners, np.full(frames, 20), np.full(frames, 16)]), np.ones(frames, bool))


def write_tracker(folder: Path) -> None:
    """A tracker with random weights, as checkpoint and as bundle."""
    family = FAMILIES["nano"]
    arch = family.space.sample(np.random.default_rng(0))
    network = family.network(arch)
    initialise(network, 0)
    checkpoint = TrackerCheckpoint(network, arch, family.tracker, family.settings)
    save_tracker(folder / "t.safetensors", checkpoint)
    write_bundle(checkpoint, folder / "bundle")


def write_films(folder: Path, lengths: dict[str, int]) -> None:
    """A data set of sequences of these lengths."""
    for seed, (name, frames) in enumerate(lengths.items()):
        save_sequence(film(name, seed, frames), folder / name)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A tracker as checkpoint and as bundle, and a data set of four sequences."""
    folder = tmp_path_factory.mktemp("evaluate")
    write_tracker(folder)
    write_films(folder / "data", LENGTHS)
    return folder


def words(files: Path, out: Path, *further: object, root: str = "data", model: str = "t.safetensors") -> tuple:
    return ("evaluate", files / model, "--dataset", "folder", "--root", files / root, "--out", out, *further)


def answered(capsys, *given: object) -> dict:
    status, out, err = run(capsys, *given, "--json")
    assert status == 0, err
    return json.loads(out)


def refused(capsys, *given: object) -> str:
    status, out, err = run(capsys, *given)
    lines = [line for line in err.splitlines() if line.startswith("chiptrack: error: ")]
    assert (status, out, len(lines)) == (2, "", 1) and "Traceback" not in err, err
    return lines[0]


@pytest.fixture(scope="module")
def alone(files):
    """What the bundle says on each sequence, one by one."""
    evaluate(str(files / "bundle"), asked=Asked("folder", files / "data", files / "alone"))
    return {name: load_run(files / "alone", name) for name in LENGTHS}


def test_restarts_are_written_as_the_toolkit_has_them(capsys, files, tmp_path):
    answer = answered(capsys, *words(files, tmp_path / "run", "--benchmark", "vot2019"))
    assert answer["benchmark"] == "vot2019" and answer["tracker"] == "t" and answer["left_out"] == {}
    failures = 0
    for name, frames in LENGTHS.items():
        states = load_run(tmp_path / "run/tracks/1", name).states
        lines = (tmp_path / f"run/t/baseline/{name}/{name}_001.txt").read_text().split()
        shown = {State.INITIALISED: "1", State.FAILED: "2", State.SKIPPED: "0"}
        assert [line if len(line) == 1 else "" for line in lines] == [shown.get(State(state), "") for state in states]
        assert len(states) == frames and states[0] == State.INITIALISED
        for failure in np.flatnonzero(states == State.FAILED):
            assert (states[failure + 1 : failure + 5] == State.SKIPPED).all()
            assert failure + 5 >= frames or states[failure + 5] == State.INITIALISED
            failures += 1
    assert failures == answer["lost"] > 0


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_scoring_the_written_files_gives_the_answer(capsys, files, tmp_path, name):
    """Every benchmark, on a data set whose folder is the benchmark's own or only ours."""
    benchmark = BENCHMARKS[name]
    answer = answered(capsys, *words(files, tmp_path / "run", "--benchmark", name))
    assert set(benchmark.metrics) <= answer.keys() and answer["ms_per_frame"] > 0 and answer["reading_ms"] > 0
    try:
        truths = benchmark.read_annotations(files / "data")
    except ValueError:
        return
    scored = benchmark.score(truths, benchmark.read_results(Path(answer["results"]), truths))
    for metric in benchmark.metrics:
        expected = scored.figures[metric]
        assert answer[metric] == (None if np.isnan(expected) else pytest.approx(expected, abs=2e-3))
    assert json.loads((tmp_path / "run/scores.json").read_text()) == answer


@pytest.mark.parametrize(
    "model, further",
    [
        ("t.safetensors", ("--batch", 3)),
        ("bundle", ("--batch", 3)),
        ("bundle", ("--processes", 2)),
        ("t.safetensors", ("--batch", 2, "--processes", 2)),
    ],
)
def test_several_at_once_are_as_one_by_one(capsys, files, tmp_path, alone, model, further):
    answer = answered(capsys, *words(files, tmp_path / "run", *further, model=model))
    for name in LENGTHS:
        found = load_run(tmp_path / "run", name)
        assert (found.boxes == alone[name].boxes).all()
        assert np.isfinite(found.seconds).all() == ("--batch" not in further)
    assert (answer["ms_per_frame"] is None) == ("--batch" in further)  # a batch answers for all its frames together
    assert [each["frames"] for each in answer["sequences"]] == list(LENGTHS.values())


def test_repetitions_have_files_of_their_own(capsys, files, tmp_path):
    given = words(files, tmp_path / "run", "--benchmark", "got10k")
    answered(capsys, *given)
    assert not (tmp_path / "run/t/a/a_002.txt").exists()
    stamp = (tmp_path / "run/tracks/1/a.txt").stat().st_mtime_ns
    answered(capsys, *given, "--repeats", 2, "--resume")
    assert (tmp_path / "run/tracks/1/a.txt").stat().st_mtime_ns == stamp
    assert (tmp_path / "run/t/a/a_002.txt").read_text() == (tmp_path / "run/t/a/a_001.txt").read_text()
    assert "at most 3 times" in refused(capsys, *given, "--repeats", 4, "--resume")
    assert "add --benchmark" in refused(capsys, *words(files, tmp_path / "new", "--repeats", 2))


def test_a_changed_polygon_is_tracked_again(capsys, files, tmp_path):
    """The box of the data set stays the same, but the region that decides about failures does not."""
    for name in ("a", "b"):
        shutil.copytree(files / "data" / name, tmp_path / "data" / name)
    regions = {name: np.loadtxt(tmp_path / "data" / name / "groundtruth.txt", delimiter=",").tolist() for name in ("a", "b")}
    given = ("evaluate", files / "t.safetensors", "--dataset", "folder", "--root", tmp_path / "data", "--out", tmp_path / "run")
    given = (*given, "--benchmark", "vot2019", "--annotations", tmp_path / "vot.json")
    (tmp_path / "vot.json").write_text(json.dumps({name: {"gt_rect": rows} for name, rows in regions.items()}))
    answered(capsys, *given)
    stamps = {name: (tmp_path / "run/tracks/1" / f"{name}.txt").stat().st_mtime_ns for name in ("a", "b")}
    regions["b"][3][2] += 0.5
    (tmp_path / "vot.json").write_text(json.dumps({name: {"gt_rect": rows} for name, rows in regions.items()}))
    status, _, err = run(capsys, *given, "--resume")
    assert status == 0 and "b has changed since it was tracked" in err and "a has changed" not in err
    after = {name: (tmp_path / "run/tracks/1" / f"{name}.txt").stat().st_mtime_ns for name in ("a", "b")}
    assert after["a"] == stamps["a"] and after["b"] != stamps["b"]


def test_annotations_of_something_else_are_one_line(capsys, files, tmp_path):
    entries = {name: {"gt_rect": np.loadtxt(files / "data" / name / "groundtruth.txt", delimiter=",").tolist()} for name in LENGTHS}
    kinds = {
        "fewer": ({name: entries[name] for name in "abd"}, "every sequence must have an annotation of vot2019, c has none"),
        "shorter": (entries | {"c": {"gt_rect": entries["c"]["gt_rect"][:-2]}}, "c has 15 frames and 13 regions"),
        "apart": (entries | {"c": {"gt_rect": (np.array(entries["c"]["gt_rect"]) + 30).tolist()}}, "the boxes of c and its regions"),
    }
    for kind, (record, said) in kinds.items():
        (tmp_path / f"{kind}.json").write_text(json.dumps(record))
        given = words(files, tmp_path / "run", "--benchmark", "vot2019", "--annotations", tmp_path / f"{kind}.json")
        assert said in refused(capsys, *given) and not (tmp_path / "run").exists()
    assert "vot1999" in refused(capsys, *words(files, tmp_path / "run", "--benchmark", "vot1999"))
    assert "add --benchmark" in refused(capsys, *words(files, tmp_path / "run", "--annotations", tmp_path / "fewer.json"))


def test_annotated_sequences_that_are_not_there_are_told(capsys, files, tmp_path):
    entries = {name: {"gt_rect": np.loadtxt(files / "data" / name / "groundtruth.txt", delimiter=",").tolist()} for name in LENGTHS}
    (tmp_path / "more.json").write_text(json.dumps(entries | {"zebra": entries["a"]}))
    status, out, err = run(capsys, *words(files, tmp_path / "run", "--benchmark", "otb", "--annotations", tmp_path / "more.json"), "--json")
    assert status == 0 and set(json.loads(out)["left_out"]) == {"zebra"} and "not those of the whole benchmark: zebra" in err


def test_annotations_that_count_pixels_from_1(capsys, files, tmp_path):
    """Result files are in the coordinates of the annotation, and figures are the same."""
    boxes = {name: np.loadtxt(files / "data" / name / "groundtruth.txt", delimiter=",") for name in LENGTHS}
    for name, origin in (("zero", 0), ("one", 1)):
        entries = {each: {"gt_rect": (rows + [origin, origin, 0, 0]).tolist()} for each, rows in boxes.items()}
        (tmp_path / f"{name}.json").write_text(json.dumps(entries))
        given = ("--benchmark", "otb", "--annotations", tmp_path / f"{name}.json")
        answered(capsys, *words(files, tmp_path / name, *given))
    zero, one = (json.loads((tmp_path / name / "scores.json").read_text()) for name in ("zero", "one"))
    assert one["success"] == pytest.approx(zero["success"], abs=1e-6)
    rows = [np.loadtxt(tmp_path / name / "t/a.txt", delimiter=",") for name in ("zero", "one")]
    np.testing.assert_allclose(rows[1] - rows[0], np.tile([1, 1, 0, 0], (24, 1)), atol=1e-3)


def test_a_results_folder_is_of_one_benchmark(capsys, files, tmp_path):
    answered(capsys, *words(files, tmp_path / "run", "--benchmark", "vot2019"))
    assert "--resume" in refused(capsys, *words(files, tmp_path / "run", "--benchmark", "vot2019"))
    assert "choose another --out" in refused(capsys, *words(files, tmp_path / "run", "--benchmark", "got10k", "--resume"))
    assert "choose another --out" in refused(capsys, *words(files, tmp_path / "run", "--resume"))
    batches = ("--benchmark", "vot2019", "--batch", 2, "--resume")  # by ONNX Runtime, whose boxes are not torch's
    assert "choose another --out" in refused(capsys, *words(files, tmp_path / "run", *batches))


@pytest.mark.parametrize("further", [("--batch", 2), ("--processes", 2), ("--benchmark", "vot2019", "--batch", 3)])
def test_a_sequence_that_cannot_be_read_does_not_stop_the_others(capsys, files, tmp_path, further):
    shutil.copytree(files / "data", tmp_path / "data")
    broken = tmp_path / "data/b/img/00002.jpg"
    broken.write_bytes(b"no image")
    given = words(tmp_path, tmp_path / "run", *further, model=files / "t.safetensors")
    own = tmp_path / ("run/tracks/1" if "--benchmark" in further else "run")
    said = refused(capsys, *given)
    assert "sequence b" in said and "00002.jpg" in said and "--resume" in said
    assert sorted(path.stem for path in own.glob("?.txt")) == ["a", "c", "d"] and not (tmp_path / "run/scores.json").exists()
    shutil.copy(files / "data/b/img/00002.jpg", broken)
    assert len(answered(capsys, *given, "--resume")["sequences"]) == 4


# ---- what interrupts it ----


@pytest.fixture(scope="module")
def many(files):
    """Twenty-four sequences, which take some seconds."""
    save_sequence(film("s", 1, 30), files / "long")
    for number in range(24):
        (files / "many" / f"s{number:02}").mkdir(parents=True)
        for name in ("img", "groundtruth.txt"):
            (files / "many" / f"s{number:02}" / name).symlink_to(files / "long" / name)
    return files


def start(given: tuple) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "chiptrack", *map(str, given)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)


def until_some_are_done(process: subprocess.Popen, out: Path, count: int = 2) -> list[str]:
    while len(done := sorted(path.stem for path in out.glob("s??.txt"))) < count:
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.01)
    return done


def workers(process: subprocess.Popen) -> list[psutil.Process]:
    return [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=20)[1]


@pytest.mark.slow
@pytest.mark.parametrize("further", [(), ("--processes", 2), ("--batch", 2)])
def test_what_is_finished_outlives_a_kill(capsys, many, tmp_path, further):
    """kill -9 of the command, then the same command with --resume: nothing is done twice, and figures are those of one run."""
    given = words(many, tmp_path / "run", *further, root="many")
    process = start(given)
    done = until_some_are_done(process, tmp_path / "run")
    crew = workers(process)
    process.kill()
    process.communicate()
    assert gone(crew)
    done = sorted(path.stem for path in (tmp_path / "run").glob("s??.txt"))
    assert 2 <= len(done) < 24
    stamps = {name: (tmp_path / "run" / f"{name}.txt").stat().st_mtime_ns for name in done}
    answer = answered(capsys, *given, "--resume")
    assert {name: (tmp_path / "run" / f"{name}.txt").stat().st_mtime_ns for name in done} == stamps
    assert len(answer["sequences"]) == 24 and len({each["ao"] for each in answer["sequences"]}) == 1
    assert not list((tmp_path / "run").glob(".*"))


@pytest.mark.slow
def test_a_process_that_is_killed_is_replaced(many, tmp_path):
    process = start(words(many, tmp_path / "run", "--processes", 2, "--json", root="many"))
    until_some_are_done(process, tmp_path / "run")
    workers(process)[0].kill()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    assert len(json.loads(out)["sequences"]) == 24


@pytest.mark.slow
def test_ctrl_c_ends_all_processes(many, tmp_path):
    process = start(words(many, tmp_path / "run", "--processes", 2, root="many"))
    until_some_are_done(process, tmp_path / "run")
    crew = workers(process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and gone(crew)
    assert err.decode().splitlines()[-1] == "chiptrack: interrupted; the same command with --resume goes on"
    assert "Traceback" not in err.decode()
