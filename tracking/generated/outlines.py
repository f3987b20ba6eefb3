"""Outlines of sprites: closed polygons, alone or joined by hinges to walking figures.

Points are in object units: at rest the whole sprite fills about the square from -1 to 1, which the pose of the sprite maps to the frame.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Limb:
    """One rigid piece of an outline, which may swing about a hinge."""

    points: np.ndarray
    """Corners in order, object units, shape (N, 2)."""
    hinge: np.ndarray
    """Point about which the limb swings, object units, shape (2,)."""
    swing: float = 0.0
    """Largest rotation to either side, rad."""
    phase: float = 0.0
    """Phase of the swing at time 0, rad."""


def sample_outline(rng: np.random.Generator) -> tuple[Limb, ...]:
    """Draw the outline of a sprite: mostly one piece, sometimes a body with limbs or with parts on it."""
    kind = rng.random()
    if kind < 0.25:
        return _figure(rng)
    if kind < 0.45:
        return _parts(rng)
    return (Limb(sample_shape(rng), np.zeros(2)),)


def sample_shape(rng: np.random.Generator) -> np.ndarray:
    """Draw one closed shape: ellipse, rounded rectangle, polygon or blob; fills the square from -1 to 1, shape (N, 2)."""
    kind = rng.integers(4)
    if kind == 0:
        return superellipse(2)
    if kind == 1:
        return superellipse(rng.uniform(3, 20))
    if kind == 2:
        corners = int(rng.integers(3, 9))
        angles = (np.arange(corners) + rng.uniform(-0.35, 0.35, corners)) * (2 * np.pi / corners)
        return _fill_square(rng.uniform(0.6, 1, corners)[:, None] * _circle(angles))
    angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    waves = np.arange(2, 6)
    heights, phases = rng.normal(0, 0.22, 4) / waves**0.5, rng.uniform(0, 2 * np.pi, 4)
    radius = np.exp((heights * np.sin(angles[:, None] * waves + phases)).sum(axis=1))
    return _fill_square(radius[:, None] * _circle(angles))


def superellipse(power: float, points: int = 32) -> np.ndarray:
    """The curve |x|^power + |y|^power = 1: an ellipse for 2, nearly a rectangle for 20; shape (points, 2)."""
    circle = _circle(np.linspace(0, 2 * np.pi, points, endpoint=False))
    return np.sign(circle) * np.abs(circle) ** (2 / power)


def _figure(rng: np.random.Generator) -> tuple[Limb, ...]:
    """Draw a body with head, arms and legs that swing like those of somebody walking."""
    swing, width, gait = rng.uniform((0.1, 0.10, 0), (0.6, 0.2, 2 * np.pi))
    hip, shoulder, leg = 0.05, -0.55, rng.uniform(0.75, 0.95)

    def limb(x: float, y: float, length: float, thickness: float, phase: float) -> Limb:
        points = superellipse(6, 16) * (thickness, length / 2) + (x, y + length / 2 - thickness / 2)
        return Limb(points, np.array([x, y]), swing, gait + phase)

    back = (limb(-0.2, hip, leg, width * 1.4, 0), limb(-0.5, shoulder, 0.7, width, np.pi))
    front = (limb(0.2, hip, leg, width * 1.4, np.pi), limb(0.5, shoulder, 0.7, width, 0))
    torso = Limb(superellipse(rng.uniform(2.5, 6)) * (0.55, 0.45) + (0, -0.2), np.zeros(2))
    head = Limb(superellipse(2, 20) * (0.28, 0.21) + (0, -0.79), np.zeros(2))
    return (*back, torso, *front, head) if rng.random() < 0.5 else (*back, front[0], torso, head)


def _parts(rng: np.random.Generator) -> tuple[Limb, ...]:
    """Draw a body with smaller pieces fixed on it, like windows or wheels on a vehicle."""
    pieces = []
    for _ in range(rng.integers(1, 4)):
        half = rng.uniform(0.15, 0.5, 2)
        pieces.append(Limb(sample_shape(rng) * half + rng.uniform(-1, 1, 2) * (1 - half) * 0.9, np.zeros(2)))
    return (Limb(sample_shape(rng), np.zeros(2)), *pieces)


def _circle(angles: np.ndarray) -> np.ndarray:
    return np.column_stack([np.cos(angles), np.sin(angles)])


def _fill_square(points: np.ndarray) -> np.ndarray:
    """Shift and stretch points (N, 2) so that they fill the square from -1 to 1."""
    low, high = points.min(axis=0), points.max(axis=0)
    return (points - (low + high) / 2) / ((high - low) / 2)
