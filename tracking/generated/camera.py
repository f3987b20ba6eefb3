"""Where the target goes, and the camera that follows or not: paths in the frame, and matrices from scenery to frame."""

from __future__ import annotations

import numpy as np

from tracking.generated.paths import poses, wander
from tracking.generated.world import SCENERY_PX

_LEAST_CONTRAST = 7.0
"""Regions of the scenery with a lower contrast (see `_contrast`) do not become targets."""


def target_path(rng: np.random.Generator, times: np.ndarray, size: tuple[int, int], target_px: float) -> np.ndarray:
    """(T, 2) positions of the target's centre in the frame, px, which change slowly enough for a tracker to follow."""
    room = np.array(size) / 2 - 0.3 * target_px
    reach = np.clip(target_px * rng.uniform(0.25, 2.1) * rng.uniform(0.3, 1, 2), 0, np.maximum(room, 0))
    middle = np.array(size) / 2 + rng.uniform(-1, 1, 2) * np.maximum(room - reach, 0)
    return middle + wander(rng, times, reach)


def camera(rng: np.random.Generator, times: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(T, 3, 3) matrices from scenery px to frame px for a camera that pans, zooms and rolls a little."""
    x, y, zoom, roll = wander(rng, times, np.array([*rng.uniform(0, 40, 2), rng.uniform(0, 0.12), rng.uniform(0, 0.06)])).T
    scale = np.exp(rng.uniform(np.log(0.65), np.log(1.5)) + zoom)
    places, anchor = np.column_stack([x, y]) + np.array(size) / 2, rng.uniform(100, SCENERY_PX - 100, 2)
    return _look_at(places, roll + rng.uniform(-0.15, 0.15), scale, anchor)


def _look_at(places: np.ndarray, angles: np.ndarray, scale: np.ndarray, anchor: np.ndarray) -> np.ndarray:
    """(T, 3, 3) matrices from scenery px to frame px that take the point `anchor` of the scenery to `places`."""
    shift = np.eye(3)
    shift[:2, 2] = -anchor
    return poses(places, angles, 2 * scale, 2 * scale) @ shift


def window(
    rng: np.random.Generator, times: np.ndarray, scenery: np.ndarray, centres: np.ndarray, target_px: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Make a region of the scenery the target, which moves because the camera does.

    Returns:
        (T, 3, 3) matrices from scenery px to frame px, and (T, 4) boxes xywh of the region in the frame. Of ten random regions the one
        with the highest contrast is taken; None if even that is below `_LEAST_CONTRAST`.
    """
    width, height = target_px * np.exp(np.array([0.5, -0.5]) * rng.uniform(-0.7, 0.7))
    zoom, roll = wander(rng, times, np.array([rng.uniform(0, 0.25), rng.uniform(0, 0.12)])).T
    rest = np.exp(rng.uniform(np.log(0.65), np.log(1.5)))
    half = int(np.clip(target_px / rest / 2, 6, SCENERY_PX / 4))
    places = rng.integers(half, SCENERY_PX - half, (10, 2))
    contrasts = [_contrast(scenery[y - half : y + half : 2, x - half : x + half : 2, 1]) for x, y in places]
    if max(contrasts) < _LEAST_CONTRAST:
        return None
    growth = np.exp(zoom)
    sides = np.column_stack([width * growth, height * growth])
    camera = _look_at(centres, roll, rest * growth, places[int(np.argmax(contrasts))].astype(float))
    return camera, np.column_stack([centres - sides / 2, sides])


def tilts(rng: np.random.Generator, times: np.ndarray, most: float) -> np.ndarray:
    """(T, 3, 3) matrices that foreshorten the square from -1 to 1, as if it turned out of the plane; at most `most` to each side."""
    result = np.tile(np.eye(3), (len(times), 1, 1))
    result[:, 2, :2] = rng.uniform(-most, most, 2) / 2 + wander(rng, times, np.full(2, most / 2))
    return result


def shake(rng: np.random.Generator, times: np.ndarray, most_px: float) -> np.ndarray:
    """(T, 2) shifts of the frame by an unsteady hand, px: independent from moment to moment."""
    return np.clip(rng.normal(0, most_px / 2, (len(times), 2)), -most_px, most_px)


def _contrast(patch: np.ndarray) -> float:
    """Root mean square slope of a patch (H, W) in its least steep direction, grey levels per pixel of the patch.

    It is low for a patch with one straight edge only, along which a tracker could not tell the position.
    """
    patch = patch.astype(np.float32)
    x, y = np.diff(patch[1:], axis=1).ravel(), np.diff(patch[:, 1:], axis=0).ravel()
    xx, yy, xy = x @ x, y @ y, x @ y
    least = (xx + yy - np.hypot(xx - yy, 2 * xy)) / 2
    return float(np.sqrt(max(least, 0) / len(x)))
