from dataclasses import replace

import numpy as np
import pytest

from tracking.augment import Look
from tracking.boxes import iou
from tracking.generated.making import make_world
from tracking.generated.scene import render
from tracking.generated.staging import sample_scene
from tracking.generated.synthetic import SyntheticPairs, synthetic_dataset, synthetic_sequence
from tracking.pairs import search_window

TIMES = np.array([0.0, 20])


@pytest.fixture(scope="module")
def world():
    return make_world(np.random.default_rng(0), textures=16, sceneries=3)


@pytest.fixture(scope="module")
def scenes(world):
    """Many scenes, each with the place of its target among the sprites, found by the box."""
    found = []
    for seed in range(60):
        scene = sample_scene(np.random.default_rng(seed), world, TIMES, (160, 120), 32)
        targets = [i for i, sprite in enumerate(scene.sprites) if np.allclose(_clipped(sprite.box(0), scene.size), scene.boxes[0])]
        if targets:
            found.append((scene, targets[0]))
    return found


def _clipped(box, size):
    corners = np.clip([*box[:2], *(box[:2] + box[2:])], 0, [*size, *size])
    return np.array([*corners[:2], *(corners[2:] - corners[:2])])


def difference(scene, target, t, **view):
    """Where the picture changes when the target is painted white instead of black, nothing being in front of it: (H, W) bool."""
    plain = tuple(Look(look.colour) for look in scene.looks)
    sprite = scene.sprites[target]
    pictures = []
    for level in (0, 255):
        parts = tuple(replace(part, texture=np.full((4, 4, 3), level, np.uint8), colour=np.eye(3, 4)) for part in sprite.parts)
        painted = replace(scene, sprites=(*scene.sprites[:target], replace(sprite, parts=parts)), looks=plain)
        pictures.append(render(painted, t, **view).astype(int))
    return np.abs(pictures[0] - pictures[1]).max(axis=2) > 25


def extent(mask):
    ys, xs = np.nonzero(mask)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])


def test_most_targets_are_sprites_and_some_are_not(scenes):
    assert 40 <= len(scenes) < 60


def test_box_encloses_the_target_tightly(scenes):
    for scene, target in scenes:
        for t in range(len(TIMES)):
            x, y, w, h = scene.boxes[t]
            found = extent(difference(scene, target, t))
            outside = np.array([x, y, -x - w, -y - h]) - found * [1, 1, -1, -1]
            assert outside.max() < 1, "some of the target lies outside its box"
            assert outside.min() > -4, "the box is not tight"  # thin tips fade


def test_box_encloses_the_target_in_the_crop(scenes):
    for seed, (scene, target) in enumerate(scenes):
        window = search_window(np.random.default_rng(seed), scene.boxes[1], 64, 128)
        fill = scene.mean_colour(0)
        found = extent(difference(scene, target, 1, view=window.matrix(), size=(128, 128), fill=fill))
        box = window.box(scene.boxes[1])
        assert (found[:2] > box[:2] - 2).all() and (found[2:] < box[2:] + 2).all()
        np.testing.assert_allclose(found, box, atol=8)


def test_targets_stay_in_the_frame(scenes):
    for scene, _ in scenes:
        assert (scene.boxes[:, 2:] > 3).all()
        assert (scene.boxes[:, :2] >= 0).all() and (scene.boxes[:, :2] + scene.boxes[:, 2:] <= scene.size).all()


def test_window_target_moves_with_the_scenery(world):
    """A spriteless target shows the same pixels, wherever it is."""
    for seed in range(200):
        scene = sample_scene(np.random.default_rng(seed), world, TIMES, (160, 120), 32)
        if not any(np.allclose(_clipped(sprite.box(0), scene.size), scene.boxes[0]) for sprite in scene.sprites):
            centres = scene.boxes[:, :2] + scene.boxes[:, 2:] / 2
            if (scene.boxes[:, :2] > 0).all() and (scene.boxes[:, :2] + scene.boxes[:, 2:] < scene.size).all():
                places = [np.linalg.inv(pose) @ [*centre, 1] for pose, centre in zip(scene.scenery_poses, centres, strict=True)]
                np.testing.assert_allclose(places[0], places[1])
                return
    pytest.fail("no spriteless target in 200 scenes")


def test_pairs_are_deterministic():
    source, same, other = SyntheticPairs(32, 64, 1), SyntheticPairs(32, 64, 1), SyntheticPairs(32, 64, 2)
    batch = source.batch(5, 3)
    assert batch.templates.shape == (3, 32, 32, 3) and batch.searches.shape == (3, 64, 64, 3)
    assert batch.templates.dtype == batch.searches.dtype == np.uint8 and batch.boxes.dtype == np.float32
    source.batch(6, 3)
    for field in ("templates", "searches", "boxes"):
        np.testing.assert_array_equal(getattr(batch, field), getattr(same.batch(5, 3), field))
        assert not np.array_equal(getattr(batch, field), getattr(source.batch(6, 3), field))
        assert not np.array_equal(getattr(batch, field), getattr(other.batch(5, 3), field))


def test_pairs_spread_over_the_crop():
    boxes = SyntheticPairs(32, 64, 1).batch(0, 400).boxes
    assert (boxes >= -1e-3).all() and (boxes <= 64 + 1e-3).all()
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 - 32
    assert np.abs(centres.mean(axis=0)).max() < 2.5 and centres.std(axis=0).min() > 8
    sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    assert 13 < np.median(sides) < 19  # a quarter of the crop


def test_sequences():
    one, again, other = synthetic_sequence(7, frames=3), synthetic_sequence(7, frames=3), synthetic_sequence(8, frames=3)
    assert one.name == "synthetic-7" and len(one) == 3 and one.image(0).shape == (240, 320, 3) and one.visible.all()
    np.testing.assert_array_equal(one.frames, again.frames)
    np.testing.assert_array_equal(one.boxes, again.boxes)
    assert not np.array_equal(one.frames, other.frames)
    assert [sequence.name for sequence in synthetic_dataset(7, 2, frames=1)] == ["synthetic-7", "synthetic-8"]


def test_a_box_that_never_moves_scores_low():
    rng, world = np.random.default_rng(0), make_world(np.random.default_rng(0), textures=2, sceneries=1)
    boxes = [sample_scene(rng, world, np.arange(40), (320, 240), rng.uniform(28, 70)).boxes for _ in range(100)]
    overlaps = [iou(path[0], path[1:]).mean() for path in boxes]
    assert 0.2 < np.mean(overlaps) < 0.33
    # and yet it can be followed: no step as long as the target
    assert max(np.abs(np.diff(path[:, :2], axis=0)).max() / path[:, 2:].min() for path in boxes) < 1


def test_a_zooming_camera_changes_the_size_of_the_target_steadily():
    """The same scene with and without zoom: the target's boxes differ by a factor that grows evenly from frame to frame."""
    factors = []
    for seed in range(4):
        still, zoomed = synthetic_sequence(seed, 6), synthetic_sequence(seed, 6, zoom=3.0)
        whole = [t for t in range(6) if (zoomed.boxes[t, :2] > 0).all() and (zoomed.boxes[t, :2] + zoomed.boxes[t, 2:] < (320, 240)).all()]
        ratios = zoomed.boxes[:, 2] / still.boxes[:, 2]
        assert ratios[0] == pytest.approx(1) and 1 / 3 - 1e-6 <= ratios[whole].min() and ratios[whole].max() <= 3 + 1e-6
        steps = np.log(ratios[whole]) / np.maximum(whole, 1)
        assert np.allclose(steps[1:], steps[1:2])
        centres = [each.boxes[:, :2] + each.boxes[:, 2:] / 2 for each in (still, zoomed)]
        assert np.allclose(centres[0][whole], centres[1][whole])
        factors.append(ratios[whole][-1])
    assert min(factors) < 0.9 or max(factors) > 1.1
