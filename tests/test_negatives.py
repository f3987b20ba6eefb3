from dataclasses import replace

import numpy as np
import pytest

from tests.drawn_material import draw_material
from tests.test_synthetic import difference, extent
from tracking.augment import Look, colour_map
from tracking.boxes import clip_boxes, iou
from tracking.generated.making import make_world
from tracking.generated.material import load_material
from tracking.generated.negatives import ABSENCES, with_absences, without_target
from tracking.generated.scene import render
from tracking.generated.staging import sample_scene
from tracking.generated.synthetic import SyntheticPairs, synthetic_sequence

TIMES = np.array([0.0, 20])


@pytest.fixture(scope="module", params=["built-in", "folder"])
def world(request, tmp_path_factory):
    material = None
    if request.param == "folder":
        material = load_material(str(draw_material(tmp_path_factory.mktemp("material"))), False)
    return make_world(np.random.default_rng(0), textures=16, sceneries=3, material=material, cutouts=20)


def scenes(world, times, count=60):
    drawn = (sample_scene(np.random.default_rng(seed), world, times, (160, 120), 32) for seed in range(count))
    return [scene for scene in drawn if scene.target is not None]


def target_of(scene):
    assert scene.target is not None
    return scene.sprites[scene.target]


def left_of_target(scene, t):
    """Number of pixels that change with the colour of the target, whatever is in front of it."""
    pictures = []
    for shift in (-300, 300):
        target = target_of(scene)
        parts = tuple(replace(part, colour=np.column_stack([np.zeros((3, 3)), np.full(3, shift)])) for part in target.parts)
        sprites = (*scene.sprites[: scene.target], replace(target, parts=parts), *scene.sprites[scene.target + 1 :])
        looks = tuple(Look(colour_map()) for _ in scene.looks)
        pictures.append(render(replace(scene, sprites=sprites, looks=looks), t).astype(int))
    return int((np.abs(pictures[0] - pictures[1]).max(axis=2) > 25).sum())


def test_boxes_are_tight_around_what_is_painted(world):
    for scene in scenes(world, TIMES):
        for t in range(2):
            x, y, w, h = scene.boxes[t]
            found = extent(difference(scene, scene.target, t))
            outside = np.array([x, y, -x - w, -y - h]) - found * [1, 1, -1, -1]
            assert outside.max() < 1.5, "some of the target lies outside its box"
            assert outside.min() > -4, "the box is not tight"


def test_nothing_of_the_target_is_left_without_it(world):
    kinds = set()
    for seed, scene in enumerate(scenes(world, TIMES)):
        changed = without_target(np.random.default_rng(seed), world, scene, TIMES, 1)
        kinds.add(len(changed.sprites) - len(scene.sprites))
        assert left_of_target(scene, 1) > 10 and not left_of_target(changed, 1), "the target is still painted"
        np.testing.assert_array_equal(render(changed, 0), render(scene, 0))
    assert kinds == {0, 1}


def test_a_region_of_the_scenery_is_covered(world):
    drawn = (sample_scene(np.random.default_rng(seed), world, TIMES, (160, 120), 32) for seed in range(120))
    regions = [scene for scene in drawn if scene.target is None]
    assert len(regions) >= 5
    for seed, scene in enumerate(regions):
        changed = without_target(np.random.default_rng(seed), world, scene, TIMES, 1)
        pictures = []
        for level in (0, 255):
            plain = replace(changed, scenery=np.full_like(scene.scenery, level), looks=tuple(Look(colour_map()) for _ in scene.looks))
            pictures.append(render(plain, 1).astype(int))
        x, y, w, h = scene.boxes[1]
        inside = tuple(slice(int(np.ceil(low)), int(low + size)) for low, size in ((y, h), (x, w)))
        assert (np.abs(pictures[0] - pictures[1])[inside] < 25).all(), "the region is still to be seen"


def test_negatives_have_no_boxes_and_their_share():
    batch = SyntheticPairs(32, 64, 1, negatives=0.3).batch(0, 200)
    assert 0.2 < 1 - batch.present.mean() < 0.4
    assert (batch.boxes[~batch.present] == 0).all() and (np.ptp(batch.boxes[batch.present], axis=1) > 0).all()
    assert SyntheticPairs(32, 64, 1).batch(0, 20).present.all()
    with pytest.raises(ValueError, match="from 0 to 1, got 1.5"):
        SyntheticPairs(32, 64, 1, negatives=1.5)


def test_absent_targets_are_not_to_be_seen(world):
    times, hidden = np.arange(24.0), set()
    for seed, scene in enumerate(scenes(world, times, 40)):
        changed, visible = with_absences(np.random.default_rng(seed), world, scene)
        assert visible[0] and not visible.all()
        assert np.isnan(changed.boxes[~visible]).all() and np.isfinite(changed.boxes[visible]).all()
        for t in np.flatnonzero(~visible)[::3]:
            seen = left_of_target(changed, t)
            sprite = target_of(changed)
            full = sprite.box(t)
            within = clip_boxes(full[None], changed.size)[0, 2:].prod()
            assert seen <= 0.12 * full[2:].prod() + 4, "an absent target is painted"
            hidden.add("gone" if sprite.shown is not None else "outside" if within < 0.11 * full[2:].prod() else "covered")
    assert hidden == {"gone", "outside", "covered"}


@pytest.mark.parametrize("kind", ABSENCES)
def test_kinds_of_absence(world, kind):
    times, met = np.arange(24.0), 0
    for seed, scene in enumerate(scenes(world, times, 20)):
        changed, visible = with_absences(np.random.default_rng(seed), world, scene, kind)
        before, after = target_of(scene), target_of(changed)
        away = np.flatnonzero(~visible)
        more = len(changed.sprites) - len(scene.sprites)
        assert more == (kind in ("covered", "look_alike")) and (after.shown is not None) == (kind == "gone")
        assert np.array_equal(before.poses, after.poses) == (kind in ("covered", "gone"))
        assert changed.boxes[visible] == pytest.approx(clip_boxes(np.stack([after.box(t) for t in np.flatnonzero(visible)]), scene.size))
        if kind == "look_alike":
            stranger = changed.sprites[changed.target - 1]
            assert [part.limb for part in stranger.parts] == [part.limb for part in before.parts]
            assert not any(np.array_equal(a.colour, b.colour) for a, b in zip(stranger.parts, before.parts, strict=True))
            met += max(iou(stranger.box(t), before.box(t)) for t in away) > 0.3
            assert iou(stranger.box(0), before.box(0)) < 0.3
    assert met >= 10 or kind != "look_alike"  # it crosses the place where the target was


def test_an_unknown_kind_of_absence_is_refused():
    with pytest.raises(ValueError, match="one of leaves, covered, gone, look_alike, got 'asleep'"):
        synthetic_sequence(3, frames=20, absences="asleep")
    clip = synthetic_sequence(3, frames=20, absences="gone")
    assert not clip.visible.all()


def test_clips_with_absences():
    clip, usual = synthetic_sequence(3, frames=20, absences=True), synthetic_sequence(3, frames=20)
    assert usual.visible.all() and 3 <= (~clip.visible).sum() <= 14 and clip.visible[0]
    np.testing.assert_array_equal(np.isnan(clip.boxes).any(axis=1), ~clip.visible)
    with pytest.raises(ValueError, match="at least 8 frames, got 5"):
        synthetic_sequence(3, frames=5, absences=True)


def test_covered_targets_keep_their_place_in_the_order(world):
    """`target` still names the target after others have been put in: its box is that of the scene."""
    for seed, scene in enumerate(scenes(world, TIMES, 20)):
        changed = without_target(np.random.default_rng(seed), world, scene, TIMES, 1)
        full = target_of(changed).box(0)
        assert iou(clip_boxes(full[None], scene.size), replace(scene).boxes[:1])[0] > 0.99
