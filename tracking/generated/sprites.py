"""Draws the objects of a scene: cut-outs, pieces of photographs, and outlines filled with textures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tracking.augment import chain, colour_map
from tracking.generated.camera import target_path, tilts
from tracking.generated.outlines import Limb, sample_outline
from tracking.generated.paths import poses, wander
from tracking.generated.scene import Part, Sprite
from tracking.generated.world import World
from tracking.images import cv2


def sample_sprite(
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
    cut = (like.parts[0].texture.shape[2] == 4) if like is not None else (world.natural and rng.random() < 0.65)
    if cut:
        return _sample_cut_sprite(rng, world, times, centres, size_px, like)
    same_outline = like is not None and rng.random() < 0.5
    limbs = tuple(part.limb for part in like.parts) if like is not None and same_outline else sample_outline(rng)
    first = _Paint.of(like.parts[0]) if like is not None else _sample_paint(rng, world, scenery)
    several = len(limbs) > 1 and rng.random() < 0.8
    paints = [first, *(_sample_paint(rng, world, scenery) if several else first for _ in limbs[1:])]
    walking = len(limbs) > 4
    parts = tuple(_make_part(rng, limb, paint, size_px) for limb, paint in zip(limbs, paints, strict=True))
    if not walking and rng.random() < 0.2:
        wave = _sample_wave(rng)
        parts = tuple(replace(part, wave=wave) for part in parts)
    shape = -0.9 if walking else rng.uniform(-0.6, 0.6)
    return Sprite(parts, _sample_poses(rng, times, centres, size_px, shape, upright=walking), times * rng.uniform(0.15, 0.6))


def _sample_cut_sprite(
    rng: np.random.Generator, world: World, times: np.ndarray, centres: np.ndarray, size_px: float, like: Sprite | None
) -> Sprite:
    """Draw a cut-out on a given path; it may consist of two pieces joined by a hinge, or sway."""
    if like is not None:
        shape = float(np.log(np.linalg.norm(like.poses[0][:2, 0]) / np.linalg.norm(like.poses[0][:2, 1])))
        poses_of = _sample_poses(rng, times, centres, size_px, shape, upright=True)
        return Sprite(like.parts, poses_of, times * rng.uniform(0.15, 0.6) + rng.uniform(0, np.pi))
    cutout = world.cutouts[rng.integers(len(world.cutouts))]
    vivid = rng.random() < 0.2
    saturation, contrast, shift = rng.uniform((0.5, 0.75, -30), (1.3, 1.25, 30))
    colour = colour_map(saturation, rng.uniform(-np.pi, np.pi) if vivid else rng.normal(0, 0.08), contrast, 1, shift)
    texture = cutout.level(1.5 * size_px * max(cutout.aspect, 1 / cutout.aspect) ** 0.5)
    kind = rng.random()
    pieces = _hinged(rng, texture) if kind < 0.2 else [(texture, _rim(texture), 0.0, 0.0)]
    wave = _sample_wave(rng) if kind > 0.7 else (0.0, 0.0)
    height, width = texture.shape[:2]
    placed = np.array([[2 / width, 0, -1], [0, 2 / height, -1], [0, 0, 1]])
    parts = tuple(
        Part(Limb((points * (2 / width, 2 / height)) - 1, np.array([0.0, hinge]), swing), piece, placed, colour, wave)
        for piece, points, hinge, swing in pieces
    )
    motion = _sample_poses(rng, times, centres, size_px, float(np.log(cutout.aspect)), upright=rng.random() < 0.8)
    return Sprite(parts, motion, times * rng.uniform(0.1, 0.5) + rng.uniform(0, 2 * np.pi))


def _sample_poses(
    rng: np.random.Generator, times: np.ndarray, centres: np.ndarray, size_px: float, shape: float, upright: bool
) -> np.ndarray:
    """Draw how an object changes size, is squeezed, turns and is foreshortened: matrices (T, 3, 3) from object units to frame px.

    Args:
        rng: Source of randomness.
        times: Moments, in frames, shape (T,).
        centres: Path of the object, frame px, shape (T, 2).
        size_px: Typical size of the object, sqrt(width * height), px.
        shape: Logarithm of width by height.
        upright: Whether it is never far from upright.
    """
    approaching, turning = rng.random(2)
    spread = (
        rng.uniform(0, 0.3) if approaching < 0.75 else rng.uniform(0.3, 0.6),
        rng.uniform(0, 0.2) if approaching < 0.9 else rng.uniform(0.2, 0.5),
        rng.uniform(0, 0.3 if turning < 0.85 or upright else 1.5),
    )
    growth, stretch, turn = wander(rng, times, np.array(spread)).T
    aspect = np.exp((stretch + shape) / 2)
    side = size_px * np.exp(growth)
    angles = turn + (rng.normal(0, 0.15) if turning < 0.85 or upright else rng.uniform(-np.pi, np.pi))
    result = poses(centres, angles, side * aspect, side / aspect)
    return result @ tilts(rng, times, 0.25) if rng.random() < 0.3 else result


def _sample_wave(rng: np.random.Generator) -> tuple[float, float]:
    return float(rng.uniform(0.04, 0.16)), float(rng.uniform(1, 4))


def _rim(texture: np.ndarray) -> np.ndarray:
    """Points on the rim of an RGBA picture's shape, texture px, shape (N, 2)."""
    contours, _ = cv2.findContours((texture[..., 3] > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    points = np.concatenate([cv2.approxPolyDP(contour, 0.5, True)[:, 0] for contour in contours]).astype(float)
    # contours run through the middles of the outermost pixels
    low, high = points.min(axis=0), points.max(axis=0)
    return (points - low) * ((high - low + 1) / np.maximum(high - low, 1)) + low


def _hinged(rng: np.random.Generator, texture: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, float, float]]:
    """Cut an RGBA picture across into two overlapping pieces, of which the lower one, or the upper one, swings about the cut.

    Returns:
        For each piece its picture, its rim in texture px, the height of the hinge in object units, and the largest rotation, rad.
    """
    height = len(texture)
    cut, overlap = rng.uniform(0.35, 0.65), 0.06
    swing = rng.uniform(0.1, 0.35)
    upper, lower = texture.copy(), texture.copy()
    upper[int((cut + overlap) * height) :, :, 3] = 0
    lower[: int((cut - overlap) * height), :, 3] = 0
    swings = (0.0, swing) if rng.random() < 0.5 else (swing, 0.0)
    pieces = [
        (piece, _rim(piece), 2 * cut - 1, angle) for piece, angle in zip((upper, lower), swings, strict=True) if (piece[..., 3] > 127).any()
    ]
    return pieces[::-1] if rng.random() < 0.5 else pieces


@dataclass(frozen=True, eq=False)
class _Paint:
    """A texture and the colour map that recolours it."""

    texture: np.ndarray
    colour: np.ndarray

    @staticmethod
    def of(part: Part) -> _Paint:
        return _Paint(part.texture, part.colour)


def _sample_paint(rng: np.random.Generator, world: World, scenery: np.ndarray) -> _Paint:
    if rng.random() < 0.08:
        return _Paint(scenery, colour_map(gain=rng.choice((0.7, 1.35)) * rng.uniform(0.9, 1.1)))
    if world.natural and world.sceneries and rng.random() < 0.35:  # a piece of another photograph in nearly its own colours
        other = world.sceneries[rng.integers(len(world.sceneries))]
        return _Paint(other, colour_map(rng.uniform(0.6, 1.2), rng.normal(0, 0.1), rng.uniform(0.8, 1.3), 1, rng.uniform(-25, 25)))
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


def companion(
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
        path = target_path(rng, times, size, target_px)
    like = target if target is not None and rng.random() < 0.5 else None
    sprite = sample_sprite(rng, world, scenery, times, path, side, like)
    return tinted(rng, sprite) if like is not None else sprite


def tinted(rng: np.random.Generator, sprite: Sprite, strongly: bool = False) -> Sprite:
    """Copy an object in slightly different colours, so that the target can still be told from its copy; or in quite different ones."""
    hue, shift = rng.choice((-1, 1), 2) * (rng.uniform((1, 25), (3, 60)) if strongly else rng.uniform(0, (0.6, 35)))
    tint = colour_map(rng.uniform(0.6, 1.2), hue, rng.uniform(0.8, 1.1), 1, shift)
    return replace(sprite, parts=tuple(replace(part, colour=chain(part.colour, tint)) for part in sprite.parts))


def occluder(rng: np.random.Generator, world: World, scenery: np.ndarray, times: np.ndarray, boxes: np.ndarray, target_px: float) -> Sprite:
    """Draw a smaller object that passes in front of the target."""
    path = boxes[:, :2] + boxes[:, 2:] / 2 + wander(rng, times, np.full(2, rng.uniform(0.5, 1.2) * target_px), periods=(20, 50))
    return sample_sprite(rng, world, scenery, times, path, target_px * rng.uniform(0.3, 0.6))
