"""Constants of the tracking procedure are fitted to weights: where the best ones are known, they are found."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from supernet.checkpoints import TrackerCheckpoint, load_tracker, read_header, save_tracker
from supernet.deploy.batched_graphs import BatchedGraphs
from supernet.deploy.bundle import load_bundle
from supernet.deploy.export import export
from supernet.deploy.torch_graphs import TorchGraphs
from supernet.deploy.tune import (
    CHECKING_SEED,
    PRESENCE_CHECKING_SEED,
    RANGES,
    TUNING_SEED,
    Tuning,
    TuningOptions,
    ao,
    batched_tracker,
    best_settings,
    fit_constants,
    tune,
    tuned,
    with_presence,
)
from supernet.families import FAMILIES
from supernet.training.initialise import initialise
from tests.commands import run
from tests.drawn_material import draw_material
from tracking.generated.synthetic import synthetic_dataset
from tracking.grid import centres
from tracking.lockstep import track_lockstep
from tracking.sequence import Sequence
from tracking.trackers.calibration import area, watch
from tracking.trackers.siamese import Siamese, SiameseSettings

SETTINGS = SiameseSettings(48, 96, 96, penalty_k=0.04, lr=0.9, window_influence=0.1, aligned=True)


def clip(kind: int, frames: int = 4) -> Sequence:
    """A clip of tiny images whose first byte is its kind; its target keeps its box."""
    images = tuple(np.full((2, 2, 3), kind, np.uint8) for _ in range(frames))
    return Sequence(f"clip-{kind}", images, np.tile([10.0, 10, 20, 20], (frames, 1)), np.ones(frames, bool))


class Widened:
    """Follows a target that keeps its box, with a box that is wider the further a constant is from its best value.

    For clips of kind 1 the best `lr` is .35; for those of kind 2 the lowest is. For clips of kind 3 the best `window_influence` is .4.
    """

    def __init__(self, settings):
        self.settings = settings

    def start(self, images, boxes):
        return boxes

    def step(self, images, state):
        offs = {1: abs(self.settings.lr - 0.35), 2: self.settings.lr, 3: abs(self.settings.window_influence - 0.4)}
        off = np.array([offs[image[0, 0, 0]] for image in images])
        return state, state * np.stack([np.ones_like(off), np.ones_like(off), 1 + off, np.ones_like(off)], axis=1), np.ones(len(images))


def test_the_best_value_of_a_constant_is_found_and_what_does_not_matter_stays():
    best = best_settings(Widened, SETTINGS, [clip(1)] * 20, trials=40, seed=0)
    assert isinstance(best, SiameseSettings) and abs(best.lr - 0.35) < 0.05
    assert replace(best, lr=SETTINGS.lr) == SETTINGS
    assert best_settings(Widened, SETTINGS, [clip(1)] * 20, trials=40, seed=0) == best  # the seed determines it


@pytest.mark.parametrize("concerned, follows", [(1, False), (60, True)])
def test_a_constant_that_brings_next_to_nothing_keeps_its_value(concerned, follows):
    """A better window brings a clip 1 - 1 / 1.15 = .13: in one clip of a hundred .0013, which is not worth a change, in sixty .08."""
    settings = replace(SETTINGS, window_influence=0.25)
    best = best_settings(Widened, settings, [clip(3)] * concerned + [clip(1)] * (100 - concerned), trials=30, seed=0)
    assert isinstance(best, SiameseSettings) and best.lr != SETTINGS.lr
    assert (best.window_influence != 0.25) == (abs(best.window_influence - 0.4) < 0.1) == follows


def test_what_is_best_already_stays():
    settings = replace(SETTINGS, lr=0.35)
    found = fit_constants(Widened, settings, [clip(1)] * 3, [clip(1)] * 3, trials=12)
    assert found.settings == settings and not found.taken
    assert found.ao_before == found.ao_after == found.other_ao_before == found.other_ao_after == 1


def test_constants_that_are_worse_on_other_clips_are_not_taken():
    settings = replace(SETTINGS, lr=0.1)
    found = fit_constants(Widened, settings, [clip(1)] * 3, [clip(2)] * 3, trials=30)
    assert not found.taken and found.settings == settings
    assert found.ao_after > found.ao_before and found.other_ao_after < found.other_ao_before
    found = fit_constants(Widened, settings, [clip(1)] * 3, [clip(1)] * 3, trials=30)
    assert found.taken and abs(found.settings.lr - 0.35) < 0.05 and found.other_ao_after == found.ao_after > 0.95


class Sighted:
    """A network that sees the white rectangle in a crop; the size that it says is wrong by a factor that alternates."""

    def __init__(self, wrong: float):
        self.wrong = wrong

    def run(self, graph, inputs):
        if graph == "template":
            return [np.zeros(len(inputs["template"]))]
        self.wrong = 1 / self.wrong
        size = inputs["search"].shape[1]
        grid = centres(size // 8, 8, size)
        cls, reg = np.empty((len(inputs["search"]), 1, len(grid), len(grid))), []
        for number, crop in enumerate(inputs["search"]):
            light = crop[..., 0] > 128
            xs, ys = np.flatnonzero(light.any(0)), np.flatnonzero(light.any(1))
            (left, right), (top, bottom) = ((each[0], each[-1] + 1) if len(each) else (0, size) for each in (xs, ys))
            x, y, half_w, half_h = (left + right) / 2, (top + bottom) / 2, self.wrong * (right - left) / 2, self.wrong * (bottom - top) / 2
            cls[number, 0] = 8 - np.hypot(*np.meshgrid(grid - x, grid - y)) / 4
            columns, rows = np.meshgrid(grid, grid)
            reg.append(np.stack([columns - x + half_w, rows - y + half_h, x + half_w - columns, y + half_h - rows]))
        return [cls, np.stack(reg)]


def growing(growth: float, frames: int = 16) -> Sequence:
    """A white square in the middle of 160 x 160 px, whose side is 20 px at first and grows by a factor from frame to frame."""
    sides = 20 * growth ** np.arange(frames)
    boxes = np.stack([80 - sides / 2, 80 - sides / 2, sides, sides], axis=1)
    images = []
    for box in boxes.round().astype(int):
        images.append(np.zeros((160, 160, 3), np.uint8))
        images[-1][box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = 255
    return Sequence("growing", tuple(images), boxes, np.ones(frames, bool))


@pytest.mark.parametrize("wrong, growth, fast", [(1.0, 1.08, True), (1.6, 1.0, False)])
def test_sizes_follow_fast_where_the_network_is_right_and_slowly_where_it_is_not(wrong, growth, fast):
    """A network that is right needs no smoothing; one that is wrong to both sides about a target that keeps its size should be ignored."""

    def tracker(settings):
        return Siamese(Sighted(wrong), settings)

    settings = replace(SETTINGS, lr=0.4)
    found = fit_constants(tracker, settings, [growing(growth)], [growing(1 + (growth - 1) / 2)], trials=25)
    assert found.taken and (found.settings.lr > 0.7) == fast and (found.settings.lr < 0.2) == (not fast)
    assert found.other_ao_after > found.other_ao_before


@pytest.fixture(scope="module")
def checkpoint():
    family = FAMILIES["nano"]
    arch = family.space.sample(np.random.default_rng(0))
    network = family.network(arch).eval()
    initialise(network, 0)
    return TrackerCheckpoint(network, arch, family.tracker, family.settings)


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_batched_graphs_compute_what_torch_computes(checkpoint, count):
    specs = FAMILIES["nano"].graphs(checkpoint.architecture)
    rng = np.random.default_rng(0)
    template, search = (rng.integers(0, 256, (count, side, side, 3), np.uint8) for side in (48, 96))
    networks = BatchedGraphs(checkpoint.network, specs, 4), TorchGraphs(checkpoint.network, specs)
    for ours, theirs in zip(
        *(
            each.run("search", {"search": search, "template_features": each.run("template", {"template": template})[0]})
            for each in networks
        ),
        strict=True,
    ):
        assert ours.shape == theirs.shape and np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


def test_the_batched_tracker_is_the_tracker(checkpoint):
    clips = synthetic_dataset(5, 3, frames=4)
    slow = Siamese(TorchGraphs(checkpoint.network, FAMILIES["nano"].graphs(checkpoint.architecture)), checkpoint.settings)
    fast = batched_tracker(checkpoint)(checkpoint.settings)
    for ours, theirs in zip(track_lockstep(fast, clips), track_lockstep(slow, clips), strict=True):
        assert ours == pytest.approx(theirs, abs=0.05)
    assert 0 < ao(fast, clips) < 1


def uncalibrated(settings: SiameseSettings) -> SiameseSettings:
    """The settings without their presence score and the thresholds that follow from it."""
    names = [field.name for field in fields(settings) if field.name.startswith("presence_") or field.name in ("lost_below", "found_above")]
    return replace(settings, **{field.name: field.default for field in fields(settings) if field.name in names})


def test_tuned_constants_travel_with_the_weights(checkpoint, tmp_path, monkeypatch):
    tuned = replace(checkpoint.settings, lr=0.31, window_influence=0.12)
    monkeypatch.setattr("supernet.deploy.tune.best_settings", lambda *_: tuned)
    better = iter([0.4, 0.5, 0.45, 0.6])
    monkeypatch.setattr("supernet.deploy.tune.ao", lambda *_: next(better))
    save_tracker(tmp_path / "a.safetensors", checkpoint, {"seed": 7})
    answer = tune(tmp_path / "a.safetensors", out=tmp_path / "b.safetensors", tuning=TuningOptions(sequences=1, frames=2))
    again = load_tracker(tmp_path / "b.safetensors")
    assert uncalibrated(again.settings) == tuned and answer["constants"] == {
        "penalty_k": 0.04,
        "lr": 0.31,
        "window_influence": 0.12,
        "least_size": 10.0,
    }
    assert (answer["ao_before"], answer["other_ao_before"], answer["ao_after"], answer["other_ao_after"]) == (0.4, 0.5, 0.45, 0.6)
    notes = read_header(tmp_path / "b.safetensors", "tracker")["notes"]
    assert notes["seed"] == 7 and notes["tuned"]["taken"] is True and notes["tuned"]["other_ao_after"] == 0.6
    for name, tensor in checkpoint.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name])
    export(str(tmp_path / "b.safetensors"), out=tmp_path / "bundle")
    assert load_bundle(tmp_path / "bundle")[0].settings == again.settings


def test_clips_show_the_pictures_of_a_material_folder(checkpoint, tmp_path, monkeypatch):
    seen = []

    def fitted(tracker, settings, clips, others, trials, seed):
        seen.extend((clips[0].image(0), others[0].image(0)))
        return Tuning(settings, 0.5, 0.5, 0.5, 0.5)

    monkeypatch.setattr("supernet.deploy.tune.fit_constants", fitted)
    data = f"synthetic:{draw_material(tmp_path)}"
    _, about = tuned(checkpoint, TuningOptions(data=data, sequences=1, frames=2))
    tuned(checkpoint, TuningOptions(sequences=1, frames=2))
    drawn = [synthetic_dataset(seed, 1, 2, material=tmp_path)[0].image(0) for seed in (TUNING_SEED, CHECKING_SEED)]
    built_in = [synthetic_dataset(seed, 1, 2)[0].image(0) for seed in (TUNING_SEED, CHECKING_SEED)]
    assert about["data"] == data and [(a == b).all() for a, b in zip(seen, [*drawn, *built_in], strict=True)] == [True] * 4
    assert not (drawn[0] == built_in[0]).all()


def test_the_verb_answers_with_both_judgements(checkpoint, tmp_path, capsys):
    save_tracker(tmp_path / "a.safetensors", checkpoint)
    words = ["tune", tmp_path / "a.safetensors", "--out", tmp_path / "b.safetensors", "--sequences", 2, "--frames", 3, "--json"]
    status, out, _ = run(capsys, *words, "--trials", 3)
    answer = json.loads(out)
    assert status == 0
    areas = {"presence_auc_before", "presence_auc"}
    assert set(answer) == {"checkpoint", "constants", "ao_before", "ao_after", "other_ao_before", "other_ao_after", "taken", *areas}
    assert answer["ao_after"] >= answer["ao_before"] - 0.002 and answer["taken"] == (answer["other_ao_after"] > answer["other_ao_before"])
    settings = load_tracker(tmp_path / "b.safetensors").settings
    assert {name: getattr(settings, name) for name in RANGES} == answer["constants"]
    assert run(capsys, *words)[0] == 2  # a checkpoint is never overwritten


def test_one_trial_calibrates_the_score_alone(checkpoint, tmp_path):
    """On clips of its own with absences; seeds of the tuning have none."""
    about = tuned(checkpoint, TuningOptions(sequences=2, frames=8, trials=1))
    assert uncalibrated(about[0].settings) == checkpoint.settings and about[0].settings != checkpoint.settings
    seen = watch(batched_tracker(checkpoint)(checkpoint.settings), synthetic_dataset(PRESENCE_CHECKING_SEED, 2, 8, absences=True))
    assert about[1]["presence_auc_before"] == area(seen)
    again = watch(batched_tracker(checkpoint)(about[0].settings), synthetic_dataset(PRESENCE_CHECKING_SEED, 2, 8, absences=True))
    assert about[1]["presence_auc"] == area(again)


def test_a_procedure_that_is_not_siamese_keeps_its_settings():
    class Bare:
        pass

    bare = Bare()
    assert with_presence(Widened, bare, TuningOptions()) == (bare, (None, None))


@pytest.mark.parametrize(
    "flag, said",
    [
        (("--trials", 0), "trials must be 1 or more, got 0"),
        (("--sequences", 0), "sequences must be 1 or more, got 0"),
        (("--frames", 1), "frames must be 2 or more, got 1"),
        (("--seed", -1), "seed must be 0 or more, got -1"),
        (("--data", "folder:films"), "constants are tuned on generated clips, got data 'folder:films'"),
        (("--data", "synthetic:"), "must be followed by a material folder"),
        (("--data", "synthetic:nowhere"), "nowhere"),
    ],
)
def test_senseless_numbers_are_refused_in_one_line(checkpoint, tmp_path, capsys, flag, said):
    save_tracker(tmp_path / "a.safetensors", checkpoint)
    status, _, err = run(capsys, "tune", tmp_path / "a.safetensors", "--out", tmp_path / "b.safetensors", *flag)
    assert status == 2 and said in err and err.count("\n") == 1


def test_a_procedure_without_constants_is_refused():
    class Bare:
        __dataclass_fields__ = {}

    with pytest.raises(ValueError, match="must have some of lr, penalty_k, window_influence, least_size to be tuned, Bare has none"):
        best_settings(Widened, Bare(), [clip(1)], trials=1, seed=0)
