"""Makes the images of a world: textures, backgrounds with clutter on them, and cut-outs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracking.augment import colour_map, sample_look
from tracking.generated.material import Cutout, Material, bent, make_cutout, read_cutout, read_photograph, shares
from tracking.generated.scene import Scene, render
from tracking.generated.sprites import sample_sprite
from tracking.generated.textures import plain_pattern, sample_photograph, sample_texture
from tracking.generated.world import SCENERY_PX, World

_PHOTOGRAPH_PX = 960
"""Longer side of a photograph before a piece of it becomes a background."""


def make_world(rng: np.random.Generator, textures: int, sceneries: int, material: Material | None = None, cutouts: int = 200) -> World:
    """Draw the images that many scenes are made of.

    Args:
        rng: Source of randomness.
        textures: Number of textures.
        sceneries: Number of sceneries.
        material: Photographs and cut-outs; with None there are no cut-outs, and photographs are the two that scikit-learn ships.
        cutouts: Number of cut-outs, if there is a material.
    """
    if material is None:
        drawn = tuple(sample_texture(rng) for _ in range(textures))
        return World(drawn, tuple(_sample_scenery(rng, World(drawn, ())) for _ in range(sceneries)))
    chosen = rng.choice(len(material.photographs), sceneries, p=shares(material.photographs))
    photographs = [read_photograph(material.photographs[i].path, _PHOTOGRAPH_PX) for i in chosen]
    drawn = tuple(
        sample_photograph(rng, 256, (90, 360), photographs[rng.integers(len(photographs))]) if rng.random() < 0.7 else sample_texture(rng)
        for _ in range(textures)
    )
    objects = tuple(_sample_cutout(rng, material, i) for i in rng.choice(len(material.cutouts), cutouts, p=shares(material.cutouts)))
    world = World(drawn, (), objects)
    return World(drawn, tuple(_sample_scenery(rng, world, photograph) for photograph in photographs), objects)


def _sample_cutout(rng: np.random.Generator, material: Material, number: int) -> Cutout:
    image = read_cutout(material.cutouts[number].path)
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
    if rng.random() < 0.5:
        image = bent(rng, np.pad(image, ((8, 8), (8, 8), (0, 0))), 0.06)
    return make_cutout(image)


def _sample_scenery(rng: np.random.Generator, world: World, photograph: np.ndarray | None = None) -> np.ndarray:
    """Draw a background: a photograph, a pattern, or bands like sky and ground, with clutter on it."""
    kind = rng.random()
    if photograph is not None and kind < 0.9:
        shorter = min(photograph.shape[:2])
        ground = sample_photograph(rng, SCENERY_PX, (0.6 * shorter, 1.9 * shorter), photograph)
    elif kind < 0.5:
        ground = sample_photograph(rng, SCENERY_PX, window=(220, 420))
    elif kind < 0.6:
        ground = sample_texture(rng, SCENERY_PX)
    else:
        ground = plain_pattern(rng, SCENERY_PX)
        for top in np.sort(rng.uniform(0.2, 0.9, rng.integers(0, 3))) * SCENERY_PX:
            lower = int(top)
            ground[lower:] = plain_pattern(rng, SCENERY_PX)[lower:]
    still, size = np.zeros(1), (SCENERY_PX, SCENERY_PX)
    count = int(rng.integers(0, 30)) if photograph is None else int(max(rng.integers(-6, 9), 0))
    clutter = tuple(
        sample_sprite(rng, world, ground, still, rng.uniform(0, SCENERY_PX, (1, 2)), 20 * np.exp(rng.uniform(0, 1.8))) for _ in range(count)
    )
    plain = replace(sample_look(rng), colour=colour_map(), blur_px=0.6 if photograph is None else 0.0, motion_px=(0.0, 0.0), noise=0.0)
    return render(Scene(size, ground, np.eye(3)[None], clutter, (plain,), np.zeros((1, 4))), 0)
