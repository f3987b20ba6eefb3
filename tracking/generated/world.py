"""Draws random scenes: a target and its motion, the scenery behind it, other objects, and the camera.

Each of the following was seen to matter for networks that train for minutes only: pale colours and camouflage, so that colour
contrast is no shortcut; distractors with the target's own texture and often its outline; targets without any rim, which are regions
of the scenery itself under a moving camera; occluders; and limbs that change the outline.
"""

from dataclasses import dataclass, replace

import numpy as np

from tracking.augment import Look, chain, colour_map, mix_looks, sample_look
from tracking.boxes import clip_boxes
from tracking.generated.outlines import Limb, sample_outline
from tracking.generated.paths import poses, wander
from tracking.generated.scene import Part, Scene, Sprite, render
from tracking.generated.textures import plain_pattern, sample_photograph, sample_texture

SCENERY_PX = 512
"""Side of the image of a scenery, px."""
_LEAST_CONTRAST = 5.0
"""Regions of the scenery with a lower contrast (see `_contrast`) do not become targets."""


@dataclass(frozen=True, eq=False)
class World:
    """The images that scenes are made of."""

    textures: tuple[np.ndarray, ...]
    """Textures of sprites: RGB, uint8, 256 x 256 px."""
    sceneries: tuple[np.ndarray, ...]
    """Backgrounds: RGB, uint8, SCENERY_PX x SCENERY_PX px."""


def make_world(rng: np.random.Generator, textures: int, sceneries: int) -> World:
    """Draw the images that many scenes are made of.

    Args:
        rng: Source of randomness.
        textures: Number of textures.
        sceneries: Number of sceneries.
    """
    drawn = tuple(sample_texture(rng) for _ in range(textures))
    return World(drawn, tuple(_sample_scenery(rng, drawn) for _ in range(sceneries)))


def sample_scene(rng: np.random.Generator, world: World, times: np.ndarray, size: tuple[int, int], target_px: float) -> Scene:
    """Draw a scene and its motion.

    Args:
        rng: Source of randomness.
        world: Textures and sceneries to choose from.
        times: Moments of the scene, in frames, shape (T,); they need not be evenly spaced.
        size: Width and height of the frame, px.
        target_px: Typical size of the target, sqrt(width * height), px.

    Returns:
        The scene at T moments. The target's centre stays inside the frame. An occluder has 0.3 to 0.6 times the typical size of the
        target.
    """
    scenery = world.sceneries[rng.integers(len(world.sceneries))]
    centres = _target_path(rng, times, size, target_px)
    window = _window(rng, times, scenery, centres, target_px) if rng.random() < 0.15 else None
    if window is not None:
        camera, boxes, target = *window, None
    else:
        camera = _camera(rng, times, size)
        target = _sample_sprite(rng, world, scenery, times, centres, target_px)
        boxes = np.array([target.box(t) for t in range(len(times))])
    company = rng.choice(4, p=(0.3, 0.35, 0.25, 0.1))
    behind = [_companion(rng, world, scenery, times, centres, target_px, size, target) for _ in range(company)]
    front = [_occluder(rng, world, scenery, times, boxes, target_px)] if rng.random() < 0.2 else []
    sprites = (*behind, *([target] if target else []), *front)
    return Scene(size, scenery, camera, sprites, _looks(rng, times), clip_boxes(boxes, size))


def _target_path(rng: np.random.Generator, times: np.ndarray, size: tuple[int, int], target_px: float) -> np.ndarray:
    """(T, 2) positions of the target's centre in the frame, px, which change slowly enough for a tracker to follow."""
    room = np.array(size) / 2 - 0.3 * target_px
    reach = np.clip(target_px * rng.uniform(0.25, 2.1) * rng.uniform(0.3, 1, 2), 0, np.maximum(room, 0))
    middle = np.array(size) / 2 + rng.uniform(-1, 1, 2) * np.maximum(room - reach, 0)
    return middle + wander(rng, times, reach)


def _camera(rng: np.random.Generator, times: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(T, 3, 3) matrices from scenery px to frame px for a camera that pans, zooms and rolls a little."""
    x, y, zoom, roll = wander(rng, times, np.array([*rng.uniform(0, 40, 2), rng.uniform(0, 0.12), rng.uniform(0, 0.06)])).T
    scale = np.exp(rng.uniform(np.log(0.75), np.log(1.6)) + zoom)
    places, anchor = np.column_stack([x, y]) + np.array(size) / 2, rng.uniform(100, SCENERY_PX - 100, 2)
    return _look_at(places, roll + rng.uniform(-0.15, 0.15), scale, anchor)


def _look_at(places: np.ndarray, angles: np.ndarray, scale: np.ndarray, anchor: np.ndarray) -> np.ndarray:
    """(T, 3, 3) matrices from scenery px to frame px that take the point `anchor` of the scenery to `places`."""
    shift = np.eye(3)
    shift[:2, 2] = -anchor
    return poses(places, angles, 2 * scale, 2 * scale) @ shift


def _window(
    rng: np.random.Generator, times: np.ndarray, scenery: np.ndarray, centres: np.ndarray, target_px: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Make a region of the scenery the target, which moves because the camera does.

    Returns:
        (T, 3, 3) matrices from scenery px to frame px, and (T, 4) boxes xywh of the region in the frame. Of six random regions the one
        with the highest contrast is taken; None if even that is below `_LEAST_CONTRAST`.
    """
    width, height = target_px * np.exp(np.array([0.5, -0.5]) * rng.uniform(-0.7, 0.7))
    zoom, roll = wander(rng, times, np.array([rng.uniform(0, 0.25), rng.uniform(0, 0.12)])).T
    rest = np.exp(rng.uniform(np.log(0.75), np.log(1.6)))
    half = int(np.clip(target_px / rest / 2, 6, SCENERY_PX / 4))
    places = rng.integers(half, SCENERY_PX - half, (6, 2))
    contrasts = [_contrast(scenery[y - half : y + half : 2, x - half : x + half : 2, 1]) for x, y in places]
    if max(contrasts) < _LEAST_CONTRAST:
        return None
    growth = np.exp(zoom)
    sides = np.column_stack([width * growth, height * growth])
    camera = _look_at(centres, roll, rest * growth, places[int(np.argmax(contrasts))].astype(float))
    return camera, np.column_stack([centres - sides / 2, sides])


def _contrast(patch: np.ndarray) -> float:
    """Root mean square slope of a patch (H, W) in its least steep direction, grey levels per pixel of the patch.

    It is low for a patch with one straight edge only, along which a tracker could not tell the position.
    """
    patch = patch.astype(np.float32)
    x, y = np.diff(patch[1:], axis=1).ravel(), np.diff(patch[:, 1:], axis=0).ravel()
    xx, yy, xy = x @ x, y @ y, x @ y
    least = (xx + yy - np.hypot(xx - yy, 2 * xy)) / 2
    return float(np.sqrt(max(least, 0) / len(x)))


def _sample_sprite(
    rng: np.random.Generator,
    world: World,
    scenery: np.ndarray,
    times: np.ndarray,
    centres: np.ndarray,
    size_px: float,
    like: Sprite | None = None,
) -> Sprite:
    """Draw an object on a given path.

    Args:
        rng: Source of randomness.
        world: Textures to choose from.
        scenery: Background behind the object, which gives its texture to camouflaged objects.
        times: Moments of the scene, in frames, shape (T,).
        centres: Path of the object, frame px, shape (T, 2).
        size_px: Typical size of the object, sqrt(width * height), px.
        like: An object that the new one resembles: it has the same texture and, half of the time, the same outline.
    """
    same_outline = like is not None and rng.random() < 0.5
    limbs = tuple(part.limb for part in like.parts) if like is not None and same_outline else sample_outline(rng)
    first = _Paint.of(like.parts[0]) if like is not None else _sample_paint(rng, world, scenery)
    several = len(limbs) > 1 and rng.random() < 0.8
    paints = [first, *(_sample_paint(rng, world, scenery) if several else first for _ in limbs[1:])]
    tall = 0.9 if len(limbs) > 4 else rng.uniform(-0.6, 0.6)
    turning = rng.random()
    spread = (rng.uniform(0, 0.35), rng.uniform(0, 0.2), rng.uniform(0, 0.3 if turning < 0.85 else 1.5))
    growth, stretch, turn = wander(rng, times, np.array(spread)).T
    aspect = np.exp((stretch - tall) / 2)
    side = size_px * np.exp(growth)
    angles = turn + (0 if len(limbs) > 4 else rng.normal(0, 0.15) if turning < 0.85 else rng.uniform(-np.pi, np.pi))
    gaits = np.asarray(times) * rng.uniform(0.15, 0.6)
    parts = tuple(_make_part(rng, limb, paint, size_px) for limb, paint in zip(limbs, paints, strict=True))
    return Sprite(parts, poses(centres, angles, side * aspect, side / aspect), gaits)


@dataclass(frozen=True, eq=False)
class _Paint:
    """A texture and the colour map that recolours it."""

    texture: np.ndarray
    colour: np.ndarray

    @staticmethod
    def of(part: Part) -> "_Paint":
        return _Paint(part.texture, part.colour)


def _sample_paint(rng: np.random.Generator, world: World, scenery: np.ndarray) -> _Paint:
    if rng.random() < 0.08:
        return _Paint(scenery, colour_map(gain=rng.choice((0.7, 1.35)) * rng.uniform(0.9, 1.1)))
    saturation, hue, contrast, shift = rng.uniform((0.2, -np.pi, 0.7, -40), (1.2, np.pi, 1.4, 50))
    return _Paint(world.textures[rng.integers(len(world.textures))], colour_map(saturation, hue, contrast, 1, shift))


def _make_part(rng: np.random.Generator, limb: Limb, paint: _Paint, size_px: float) -> Part:
    """Lay a texture on a limb at such a scale that one px of the texture covers 0.45 to 1.4 px of the frame."""
    texels = size_px / 2 * np.exp(rng.uniform(np.log(0.7), np.log(2.2)))
    reach = len(paint.texture) / 2
    placed = poses(np.zeros((1, 2)), rng.uniform(-np.pi, np.pi, 1), np.full(1, 2 / texels), np.full(1, 2 / texels))[0]
    shift = np.eye(3)
    shift[:2, 2] = -reach - rng.uniform(-0.6, 0.6, 2) * reach
    return Part(limb, paint.texture, placed @ shift, paint.colour)


def _companion(
    rng: np.random.Generator,
    world: World,
    scenery: np.ndarray,
    times: np.ndarray,
    centres: np.ndarray,
    target_px: float,
    size: tuple[int, int],
    target: Sprite | None,
) -> Sprite:
    """Draw another object, which stays near the target or goes its own way.

    If the target is a sprite, the object looks like it half of the time. `target` is None for a target that is a region of the scenery.
    """
    side = target_px * np.exp(rng.uniform(-0.4, 0.4))
    # it would be painted over a target that is a region of the scenery, so it keeps away from such a target
    nearest = 0.9 if target is not None else 1.7
    if rng.random() < 0.6 or target is None:
        angle, distance = rng.uniform((0, nearest), (2 * np.pi, 2.2))
        path = centres + target_px * (distance * np.array([np.cos(angle), np.sin(angle)]) + wander(rng, times, np.full(2, nearest / 2)))
    else:
        path = _target_path(rng, times, size, target_px)
    like = target if target is not None and rng.random() < 0.5 else None
    sprite = _sample_sprite(rng, world, scenery, times, path, side, like)
    return _tinted(rng, sprite) if like is not None else sprite


def _tinted(rng: np.random.Generator, sprite: Sprite) -> Sprite:
    """Copy an object in slightly different colours, so that the target can still be told from its copy."""
    tint = colour_map(rng.uniform(0.6, 1.2), rng.uniform(-0.6, 0.6), rng.uniform(0.8, 1.1), 1, rng.uniform(-35, 35))
    return replace(sprite, parts=tuple(replace(part, colour=chain(part.colour, tint)) for part in sprite.parts))


def _occluder(
    rng: np.random.Generator, world: World, scenery: np.ndarray, times: np.ndarray, boxes: np.ndarray, target_px: float
) -> Sprite:
    """Draw a smaller object that passes in front of the target."""
    path = boxes[:, :2] + boxes[:, 2:] / 2 + wander(rng, times, np.full(2, rng.uniform(0.5, 1.2) * target_px), periods=(20, 50))
    return _sample_sprite(rng, world, scenery, times, path, target_px * rng.uniform(0.3, 0.6))


def _looks(rng: np.random.Generator, times: np.ndarray) -> tuple[Look, ...]:
    """T looks of a camera that drifts between two looks; every moment has its own noise."""
    grey = rng.random() < 0.12
    a, b = sample_look(rng, grey), sample_look(rng, grey)
    shares = 0.5 + wander(rng, times, np.array([0.5]), periods=(25, 120))[:, 0]
    corners = rng.integers(0, 64, (len(times), 2)).tolist()
    return tuple(replace(mix_looks(a, b, share), noise_corner=(x, y)) for share, (x, y) in zip(shares, corners, strict=True))


def _sample_scenery(rng: np.random.Generator, textures: tuple[np.ndarray, ...]) -> np.ndarray:
    """Draw a background: a photograph, a pattern, or bands like sky and ground, with clutter on it."""
    kind = rng.random()
    if kind < 0.5:
        ground = sample_photograph(rng, SCENERY_PX, window=(220, 420))
    elif kind < 0.6:
        ground = sample_texture(rng, SCENERY_PX)
    else:
        ground = plain_pattern(rng, SCENERY_PX)
        for top in np.sort(rng.uniform(0.2, 0.9, rng.integers(0, 3))) * SCENERY_PX:
            lower = int(top)
            ground[lower:] = plain_pattern(rng, SCENERY_PX)[lower:]
    world, still, size = World(textures, (ground,)), np.zeros(1), (SCENERY_PX, SCENERY_PX)
    count = int(rng.integers(0, 30))
    clutter = tuple(
        _sample_sprite(rng, world, ground, still, rng.uniform(0, SCENERY_PX, (1, 2)), 20 * np.exp(rng.uniform(0, 1.8)))
        for _ in range(count)
    )
    plain = replace(sample_look(rng), colour=colour_map(), blur_px=0.6, motion_px=(0.0, 0.0), noise=0.0)
    return render(Scene(size, ground, np.eye(3)[None], clutter, (plain,), np.zeros((1, 4))), 0)
