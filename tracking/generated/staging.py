"""Draws random scenes: a target and its motion, the scenery behind it, other objects, and the camera.

Each of the following was seen to matter for networks that train for minutes only: pale colours and camouflage, so that colour
contrast is no shortcut; distractors with the target's own texture and often its outline; targets without any rim, which are regions
of the scenery itself under a moving camera; occluders; and limbs that change the outline.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracking.augment import Look, chain, mix_looks, sample_look
from tracking.boxes import clip_boxes
from tracking.generated.camera import camera, shake, target_path, tilts, window
from tracking.generated.paths import wander
from tracking.generated.scene import Scene, Sprite
from tracking.generated.sprites import companion, occluder, sample_sprite
from tracking.generated.world import SCENERY_PX, World


def sample_scene(rng: np.random.Generator, world: World, times: np.ndarray, size: tuple[int, int], target_px: float) -> Scene:
    """Draw a scene and its motion.

    Args:
        rng: Source of randomness.
        world: Images to choose from.
        times: Moments of the scene, in frames, shape (T,); they need not be evenly spaced.
        size: Width and height of the frame, px.
        target_px: Typical size of the target, sqrt(width * height), px.

    Returns:
        The scene at T moments. The target's centre stays inside the frame. An occluder has 0.3 to 0.6 times the typical size of the
        target.
    """
    scenery = world.sceneries[rng.integers(len(world.sceneries))]
    centres = target_path(rng, times, size, target_px)
    if rng.random() < 0.2:
        room = np.minimum(np.maximum(np.minimum(centres, np.array(size) - centres), 0).min(axis=0), 0.12 * target_px)
        centres = centres + np.clip(shake(rng, times, 0.12 * target_px), -room, room)
    region = window(rng, times, scenery, centres, target_px) if rng.random() < (0.3 if world.natural else 0.15) else None
    target: Sprite | None = None
    if region is not None:
        views, boxes = region
    else:
        views = _unsteady(rng, times, camera(rng, times, size))
        target = sample_sprite(rng, world, scenery, times, centres, target_px)
        boxes = np.array([target.box(t) for t in range(len(times))])
    company = rng.choice(4, p=(0.3, 0.35, 0.25, 0.1))
    behind = [companion(rng, world, scenery, times, centres, target_px, size, target) for _ in range(company)]
    front = [occluder(rng, world, scenery, times, boxes, target_px)] if rng.random() < 0.2 else []
    sprites = (*behind, *([target] if target else []), *front)
    looks = _looks(rng, times, centres)
    return Scene(size, scenery, views, sprites, looks, clip_boxes(boxes, size), len(behind) if target else None)


def _unsteady(rng: np.random.Generator, times: np.ndarray, views: np.ndarray) -> np.ndarray:
    """A camera that sometimes looks askance, and sometimes shakes: matrices (T, 3, 3) from scenery px to frame px."""
    askance, shaking = rng.random(2) < (0.3, 0.2)
    if askance:
        middle = np.array([[2 / SCENERY_PX, 0, -1], [0, 2 / SCENERY_PX, -1], [0, 0, 1]])
        views = views @ np.linalg.inv(middle) @ tilts(rng, times, 0.3) @ middle
    if shaking:
        views = views.copy()
        # a shift of the frame is one of the picture: it moves every point alike, however far it is foreshortened
        views[:, :2] += shake(rng, times, 4)[..., None] * views[:, 2:]
    return views


def _looks(rng: np.random.Generator, times: np.ndarray, centres: np.ndarray) -> tuple[Look, ...]:
    """T looks of a camera that drifts between two looks; every moment has its own noise."""
    grey = rng.random() < 0.12
    a, b = sample_look(rng, grey), sample_look(rng, grey)
    shares = 0.5 + wander(rng, times, np.array([0.5]), periods=(25, 120))[:, 0]
    corners = rng.integers(0, 64, (len(times), 2)).tolist()
    looks = [replace(mix_looks(a, b, share), noise_corner=(x, y)) for share, (x, y) in zip(shares, corners, strict=True)]
    return tuple(_lit(rng, _recorded(rng, looks, times, centres)))


def _recorded(rng: np.random.Generator, looks: list[Look], times: np.ndarray, centres: np.ndarray) -> list[Look]:
    """What a recording does to pictures: compression, little detail, and blur along the target's path; the same at all moments."""
    compressed, coarse, open_long = rng.random(3) < (0.3, 0.3, 0.15)
    quality = int(rng.integers(15, 70)) if compressed else 0
    shrinks = rng.uniform(1.2, 2.6) * np.exp(rng.uniform(-0.2, 0.2, len(looks))) if coarse else np.ones(len(looks))
    looks = [replace(look, quality=quality, shrink=float(max(shrink, 1))) for look, shrink in zip(looks, shrinks, strict=True)]
    if open_long and len(times) > 1:
        steps = np.gradient(centres, times, axis=0)
        lengths = np.maximum(np.hypot(*steps.T), 1e-6)[:, None]
        ways = steps / lengths * np.clip(rng.uniform(1, 4) * lengths, 0, 7)
        looks = [replace(look, motion_px=(float(x), float(y))) for look, (x, y) in zip(looks, ways, strict=True)]
    return looks


def _lit(rng: np.random.Generator, looks: list[Look]) -> list[Look]:
    """Day and night: the light of a scene, which half of the time is another one at its last moment than at its first."""
    dark, uneven, tinted, changing = rng.random(4) < (0.1, 0.2, 0.1, 0.5)
    first = _sample_light(rng, dark, uneven, tinted)
    last = _sample_light(rng, dark, uneven, tinted) if changing else first
    shares = np.linspace(0, 1, len(looks))
    return [_under(look, first + share * (last - first)) for look, share in zip(looks, shares, strict=True)]


def _sample_light(rng: np.random.Generator, dark: bool, uneven: bool, tinted: bool) -> np.ndarray:
    """Draw gains of red, green and blue, the exponent of the brightness, and its ramps to the right and down, shape (6,)."""
    warmth = rng.uniform(-0.25, 0.25) if tinted else 0.0
    gains = np.array([1 + warmth, 1, 1 - warmth]) * (rng.uniform(0.35, 0.8) if dark else 1)
    gamma = np.exp(rng.uniform(-0.3, 0.5)) if rng.random() < 0.2 else 1.0
    return np.array([*gains, gamma, *(rng.uniform(-0.35, 0.35, 2) if uneven else (0, 0))])


def _under(look: Look, light: np.ndarray) -> Look:
    colour = chain(look.colour, np.column_stack([np.diag(light[:3]), np.zeros(3)]))
    return replace(look, colour=colour, gamma=float(light[3]), ramp=(float(light[4]), float(light[5])))
