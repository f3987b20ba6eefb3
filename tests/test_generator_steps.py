import numpy as np
import pytest

from benchmarks.generator_steps import EVERYTHING, NEGATIVES, PARTS, middling, summary, trained, without
from supernet.checkpoints import read_header
from supernet.families import FAMILIES
from tests.drawn_material import draw_material
from tracking.generated import staging
from tracking.generated.making import make_world
from tracking.generated.scene import Scene

ELASTIC = FAMILIES["elastic"]


def scenes(part: str, count: int = 40) -> list[Scene]:
    """Scenes of two moments without a part."""
    rng = np.random.default_rng(0)
    world = make_world(rng, textures=4, sceneries=1)
    with without(part, ELASTIC):
        return [staging.sample_scene(rng, world, np.array([0.0, 20.0]), (160, 120), 30.0) for _ in range(count)]


def sizes(scene: Scene) -> np.ndarray:
    """Lengths of an object's axes at both moments, px, of the target if it is an object."""
    assert scene.target is not None
    return np.sqrt(np.abs(np.linalg.det(scene.sprites[scene.target].poses[:, :2, :2])))


def test_each_part_is_there_with_everything_and_gone_without():
    whole = scenes(EVERYTHING)
    assert any(scene.target is None for scene in whole)
    assert all(scene.target is not None for scene in scenes("regions of the scenery as targets"))
    assert any(look.quality for scene in whole for look in scene.looks)
    assert not any(look.quality for s in scenes("compression, blur and little detail") for look in s.looks)
    assert any(look.gamma != 1 for scene in whole for look in scene.looks)
    assert all(look.gamma == 1 for scene in scenes("day and night") for look in scene.looks)
    tilted = [np.abs(scene.scenery_poses[:, 2, :2]).max() > 0 for scene in whole]
    assert any(tilted) and not any(np.abs(scene.scenery_poses[:, 2, :2]).max() > 0 for scene in scenes("perspective"))


def test_objects_keep_their_size_without_changes_of_size():
    def changes(part: str) -> list[float]:
        some = [sizes(scene) for scene in scenes(part) if scene.target is not None]
        return [float(abs(np.log(each[1] / each[0]))) for each in some]

    # foreshortening still changes them a little
    assert np.median(changes("changes of size")) < 1e-9 < np.median(changes(EVERYTHING))


def test_the_generator_is_whole_again_afterwards():
    before = scenes(EVERYTHING, 3)
    for part in PARTS:
        scenes(part, 1)
    assert ELASTIC.negatives > 0
    for a, b in zip(before, scenes(EVERYTHING, 3), strict=True):
        assert np.array_equal(a.boxes, b.boxes) and np.array_equal(a.scenery_poses, b.scenery_poses)
    with without(NEGATIVES, ELASTIC):
        assert ELASTIC.negatives == 0


def test_an_architecture_is_trained_once_without_a_part(tmp_path):
    (tmp_path / "material").mkdir()
    material = f"synthetic:{draw_material(tmp_path / 'material')}"
    arch = FAMILIES["nano"].space.sample(np.random.default_rng(0))
    out = trained(arch, "day and night", 1, tmp_path, material, 1)
    assert out.name == "day-and-night-1.safetensors" and read_header(out, "tracker")["notes"]["data"] == material
    before = out.stat().st_mtime_ns
    assert trained(arch, "day and night", 1, tmp_path, material, 1) == out and out.stat().st_mtime_ns == before
    bare = trained(arch, "photographs and cut-outs", 1, tmp_path, material, 1)
    assert read_header(bare, "tracker")["notes"]["data"] == "synthetic"


def test_the_architecture_is_of_middling_size():
    macs = ELASTIC.counts(middling(ELASTIC), "search").macs
    sampled = [ELASTIC.counts(ELASTIC.space.sample(np.random.default_rng(i)), "search").macs for i in range(60)]
    assert np.quantile(sampled, 0.25) < macs < np.quantile(sampled, 0.75)


def test_changes_are_told_against_everything():
    rows = [
        {"without": EVERYTHING, "ao_generated": 0.6, "ao_real": 0.4},
        {"without": EVERYTHING, "ao_generated": 0.7, "ao_real": 0.4},
        {"without": "perspective", "ao_generated": 0.6, "ao_real": None},
    ]
    whole, part = summary(rows)
    assert whole["seeds"] == 2 and whole["generated_change"] is None
    assert part["generated_change"] == pytest.approx(-0.05) and part["real_change"] is None
