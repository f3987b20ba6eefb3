"""How a camera shows a scene: colour, blur, motion blur and noise, as one value that is drawn once and applied to images."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tracking.images import cv2

LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in the brightness that people see (ITU-R BT.601)."""


@dataclass(frozen=True, eq=False)
class Look:
    """What the camera does to every pixel."""

    colour: np.ndarray
    """Affine map of (r, g, b), 0 to 255, shape (3, 4)."""
    blur_px: float = 0.0
    """Standard deviation of the Gaussian blur, px; below 0.3 none."""
    motion_px: tuple[float, float] = (0.0, 0.0)
    """Way of the camera while the shutter is open (x, y), px; below 1 none."""
    noise: float = 0.0
    """Standard deviation of the noise, grey levels."""
    noise_corner: tuple[int, int] = (0, 0)
    """Which part of the noise field is seen, each from 0 to 63."""


def colour_map(saturation: float = 1, hue: float = 0, contrast: float = 1, gain: np.ndarray | float = 1, shift: float = 0) -> np.ndarray:
    """Affine map of colours.

    Args:
        saturation: 0 gives grey, 1 leaves the colours.
        hue: Rotation about the grey axis, rad.
        contrast: Factor on the distance from middle grey.
        gain: Factor on red, green and blue, shape (3,) or one number.
        shift: Added to all channels, grey levels.

    Returns:
        Shape (3, 4): result = map[:, :3] @ (r, g, b) + map[:, 3].
    """
    sine, rest = np.sin(hue) / np.sqrt(3), (1 - np.cos(hue)) / 3
    turn = np.cos(hue) * np.eye(3) + rest + sine * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    linear = contrast * np.reshape(gain, (-1, 1)) * ((saturation * np.eye(3) + (1 - saturation) * LUMA) @ turn)
    return np.column_stack([linear, np.full(3, 128 * (1 - contrast) + shift)])


def chain(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The colour map that applies `first`, then `second`; shapes (3, 4)."""
    return np.column_stack([second[:, :3] @ first[:, :3], second[:, :3] @ first[:, 3] + second[:, 3]])


def sample_look(rng: np.random.Generator, grey: bool = False) -> Look:
    """Draw a camera: mostly mild, sometimes blurred, noisy or shaken.

    Args:
        rng: Source of randomness.
        grey: Whether the camera sees no colours.
    """
    saturation, contrast, shift = rng.uniform((0.6, 0.7, -25), (1.2, 1.2, 25))
    blurred, shaken, noisy = rng.random(3) < (0.35, 0.15, 0.4)
    angle, way = rng.uniform((0, 2), (np.pi, 6)) if shaken else (0.0, 0.0)
    return Look(
        colour=colour_map(0 if grey else saturation, rng.normal(0, 0.06), contrast, rng.uniform(0.9, 1.1, 3), shift),
        blur_px=rng.uniform(0.4, 1.3) if blurred else 0.0,
        motion_px=(way * np.cos(angle), way * np.sin(angle)),
        noise=rng.uniform(1, 8) if noisy else 0.0,
        noise_corner=(int(rng.integers(64)), int(rng.integers(64))),
    )


def mix_looks(a: Look, b: Look, share: float) -> Look:
    """The look on the way from `a` (share 0) to `b` (share 1); the noise stays that of `a` with its own corner."""
    between = [float(x + share * (y - x)) for x, y in zip((a.blur_px, *a.motion_px), (b.blur_px, *b.motion_px), strict=True)]
    return Look(a.colour + share * (b.colour - a.colour), between[0], (between[1], between[2]), a.noise, a.noise_corner)


def apply_look(image: np.ndarray, look: Look) -> np.ndarray:
    """Show an image through a camera.

    Args:
        image: RGB, uint8, shape (H, W, 3).
        look: The camera.

    Returns:
        A new image of the same shape.
    """
    image = cv2.transform(image, look.colour)
    if look.blur_px >= 0.3:
        image = cv2.GaussianBlur(image, (0, 0), look.blur_px)
    if np.hypot(*look.motion_px) >= 1:
        image = cv2.filter2D(image, -1, _motion_kernel(*look.motion_px))
    if look.noise > 0:
        left, top = look.noise_corner
        field = _noise_field(*image.shape[:2])[top : top + image.shape[0], left : left + image.shape[1]]
        share = look.noise / _FIELD_DEVIATION
        image = cv2.addWeighted(image, 1, field, share, -128 * share)
    return image


def flip(image: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mirror an image and a box in it, left to right.

    Args:
        image: Shape (H, W, 3).
        box: Corners xyxy, px, shape (4,).

    Returns:
        The mirrored image and box.
    """
    left, top, right, bottom = box
    width = image.shape[1]
    return np.ascontiguousarray(image[:, ::-1]), np.array([width - right, top, width - left, bottom])


_FIELD_DEVIATION = 24.0


@lru_cache(maxsize=8)
def _noise_field(height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(0).normal(128, _FIELD_DEVIATION, (height + 64, width + 64, 3))
    return np.clip(noise.round(), 0, 255).astype(np.uint8)


def _motion_kernel(x: float, y: float) -> np.ndarray:
    """A line through the middle of a small kernel, symmetric, weights adding up to 1."""
    reach = int(np.ceil(max(abs(x), abs(y)) / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    start, end = ((round((reach + sign * x / 2) * 16), round((reach + sign * y / 2) * 16)) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_8, 4)
    kernel += kernel[::-1, ::-1].copy()
    return kernel / kernel.sum()
