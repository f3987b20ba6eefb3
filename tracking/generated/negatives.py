"""Moments at which the target is not to be seen: it is gone, covered, out of the frame, or something else is in its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracking.augment import colour_map
from tracking.boxes import clip_boxes
from tracking.generated.outlines import Limb, superellipse
from tracking.generated.paths import poses
from tracking.generated.scene import Part, Scene, Sprite
from tracking.generated.sprites import sample_sprite, tinted
from tracking.generated.world import World

ABSENCES = {"leaves": 0.3, "covered": 0.3, "gone": 0.15, "look_alike": 0.25}
"""Kinds of absence, with the share of each: the target leaves the frame and comes back; something covers it; it is gone; it leaves the frame
while something that resembles it crosses the place where it was."""
_COVER = 1.35
"""Sides of what covers a target, in sides of the target's box."""
_LEFT = 0.1
"""A target of which at most this share lies in the frame counts as having left it."""
_REACH = 6.0
"""Way of a look-alike during an absence, in sides of the target."""


def without_target(rng: np.random.Generator, world: World, scene: Scene, times: np.ndarray, t: int) -> Scene:
    """A copy of a scene in which the target is not to be seen at moment `t`; half of the time something is in its place that resembles it.

    Args:
        rng: Source of randomness.
        world: Images to choose from.
        scene: A scene. If its target is a region of the scenery, something covers it.
        times: Its moments, in frames.
        t: Number of the moment.
    """
    if scene.target is None:
        return replace(scene, sprites=(*scene.sprites, _stand_in(cover(rng, world, scene.boxes), t)))
    target, kind = scene.sprites[scene.target], rng.random()
    gone = replace(target, shown=np.arange(len(times)) != t)
    if kind < 0.25:
        stranger = _stand_in(tinted(rng, target, strongly=True), t)
    elif kind < 0.5:
        box = target.box(t)
        path = np.tile(box[:2] + box[2:] / 2, (len(times), 1))
        stranger = _stand_in(sample_sprite(rng, world, scene.scenery, times, path, float(np.sqrt(box[2:].prod()))), t)
    elif kind < 0.65:
        stranger = _stand_in(cover(rng, world, np.stack([target.box(each) for each in range(len(times))])), t)
    else:
        stranger = None
    before, after = scene.sprites[: scene.target], scene.sprites[scene.target + 1 :]
    return replace(scene, sprites=(*before, gone, *([stranger] if stranger else []), *after))


def cover(rng: np.random.Generator, world: World, boxes: np.ndarray) -> Sprite:
    """An object without holes that hides whatever lies in boxes xywh, px, shape (T, 4)."""
    texture = world.textures[rng.integers(len(world.textures))]
    reach = texture.shape[1] / 2
    placed = np.array([[2 / 3 / reach * 2, 0, -4 / 3], [0, 2 / 3 / reach * 2, -4 / 3], [0, 0, 1]])
    part = Part(Limb(superellipse(12), np.zeros(2)), texture, placed, colour_map(rng.uniform(0.3, 1.2), 0, rng.uniform(0.7, 1.2)))
    centres, sides = boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:] * _COVER
    return Sprite((part,), poses(centres, np.zeros(len(boxes)), sides[:, 0], sides[:, 1]), np.zeros(len(boxes)))


def with_absences(rng: np.random.Generator, world: World, scene: Scene, kind: str | None = None) -> tuple[Scene, np.ndarray]:
    """A copy of a scene whose target, a sprite, is away for some time.

    Args:
        rng: Source of randomness.
        world: Images to choose from.
        scene: The scene.
        kind: One of `ABSENCES`; by default drawn at random.

    Returns:
        The scene, whose boxes are NaN where the target is not to be seen, and whether it is, shape (T,). It is to be seen at first.
    """
    assert scene.target is not None
    count = len(scene.boxes)
    first = int(rng.integers(count // 4, max(count // 2, count // 4 + 1)))
    last = min(first + int(rng.integers(count // 6 + 1, count // 3 + 2)), count)
    away = (np.arange(count) >= first) & (np.arange(count) < last)
    target, kind = scene.sprites[scene.target], kind or str(rng.choice(list(ABSENCES), p=list(ABSENCES.values())))
    full = np.stack([target.box(t) for t in range(count)])
    behind: tuple[Sprite, ...] = ()
    front: tuple[Sprite, ...] = ()
    if kind == "covered":
        front = (replace(cover(rng, world, full), shown=away),)
    elif kind == "gone":
        target = replace(target, shown=~away)
    else:
        behind = (_crossing(rng, target, full, away),) if kind == "look_alike" else ()
        target = _leaving(rng, target, full, away, scene.size)
        full = np.stack([target.box(t) for t in range(count)])
        seen = clip_boxes(full, scene.size)
        away = seen[:, 2:].prod(axis=1) <= _LEFT * full[:, 2:].prod(axis=1)
    boxes = np.where(away[:, None], np.nan, clip_boxes(full, scene.size))
    before, after = (*scene.sprites[: scene.target], *behind), scene.sprites[scene.target + 1 :]
    return replace(scene, sprites=(*before, target, *after, *front), boxes=boxes, target=len(before)), ~away


def _crossing(rng: np.random.Generator, target: Sprite, boxes: np.ndarray, away: np.ndarray) -> Sprite:
    """Something like the target in other colours, on a straight way that leads, halfway through the absence, through the target's place."""
    moments, angle = np.arange(len(boxes)), rng.uniform(0, 2 * np.pi)
    middle = boxes[:, :2] + boxes[:, 2:] / 2
    # it passes the place of the target within the absence, and is far from it when the target goes and when it comes back
    step = np.array([np.cos(angle), np.sin(angle)]) * _REACH * np.sqrt(boxes[away][:, 2:].prod(axis=1).mean()) / away.sum()
    path = middle[away].mean(axis=0) + np.outer(moments - moments[away].mean(), step)
    shift = np.tile(np.eye(3), (len(boxes), 1, 1))
    shift[:, :2, 2] = path - middle
    return tinted(rng, replace(target, poses=shift @ target.poses), strongly=rng.random() < 0.5)


def _leaving(rng: np.random.Generator, target: Sprite, boxes: np.ndarray, away: np.ndarray, size: tuple[int, int]) -> Sprite:
    """A sprite whose path is bent over the nearer rim of the frame while it is away, and at most five frames before and after."""
    middle = boxes[:, :2] + boxes[:, 2:] / 2
    axis = int(rng.integers(2))
    outward = 1 if middle[away].mean(axis=0)[axis] > size[axis] / 2 else -1
    rim = size[axis] if outward > 0 else 0
    distance = np.abs(rim - middle[:, axis]) + boxes[:, 2 + axis]
    moments = np.arange(len(boxes))
    apart = np.abs(moments[:, None] - np.flatnonzero(away)).min(axis=1)
    share = np.clip(1 - apart / min(5, np.flatnonzero(away)[0]), 0, 1)
    shift = np.tile(np.eye(3), (len(boxes), 1, 1))
    shift[:, axis, 2] = outward * distance * share
    return replace(target, poses=shift @ target.poses)


def _stand_in(sprite: Sprite, t: int) -> Sprite:
    return replace(sprite, shown=np.arange(len(sprite.poses)) == t)
