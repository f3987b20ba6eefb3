"""Camera looks (colour, blur, motion blur and noise): a look is drawn at random once and then applied to images."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from tracking.images import cv2

LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in perceived brightness (ITU-R BT.601)."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a camera does to every image that it takes."""

    colour: np.ndarray
    """Affine map of (r, g, b), 0 to 255, shape (3, 4); see `colour_map`."""
    blur_px: float = 0.0
    """Standard deviation of the Gaussian blur, px; below 0.3 px the image is not blurred."""
    motion_px: tuple[float, float] = (0.0, 0.0)
    """Distance (x, y) that the camera moves while the shutter is open, px; below 1 px there is no motion blur."""
    noise: float = 0.0
    """Standard deviation of the noise, grey levels; 0 for none."""
    noise_corner: tuple[int, int] = (0, 0)
    """Where in a fixed noise field the noise is taken from: left and top of the part, px, each from 0 to 63."""
    gamma: float = 1.0
    """Exponent of the brightness: above 1 middle tones are darker; 1 changes nothing."""
    ramp: tuple[float, float] = (0.0, 0.0)
    """How much brighter the right rim of an image is than its middle, and the lower rim, as a share; 0 for even light."""
    shrink: float = 1.0
    """The image is resampled to 1 / shrink of its sides and back, as by a camera that is far away; 1 for sharp."""
    quality: int = 0
    """Quality of a JPEG file that the image goes through, 1 to 100; 0 for none."""


def colour_map(saturation: float = 1, hue: float = 0, contrast: float = 1, gain: np.ndarray | float = 1, shift: float = 0) -> np.ndarray:
    """Compose an affine map of colours from its effects.

    Args:
        saturation: 0 gives grey, 1 leaves the colours.
        hue: Rotation about the grey axis, rad.
        contrast: Factor on the distance from middle grey.
        gain: Factor on red, green and blue, shape (3,) or one number.
        shift: Grey levels that are added to all channels.

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
    """Draw a look: mostly mild, sometimes blurred, noisy or shaken.

    Args:
        rng: Source of randomness.
        grey: Whether the look removes the colours of the image.
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
    """Interpolate between look `a` (share 0) and look `b` (share 1); all but colour and blurs is that of `a`."""
    between = [float(x + share * (y - x)) for x, y in zip((a.blur_px, *a.motion_px), (b.blur_px, *b.motion_px), strict=True)]
    colour = a.colour + share * (b.colour - a.colour)
    return replace(a, colour=colour, blur_px=between[0], motion_px=(between[1], between[2]))


def apply_look(image: np.ndarray, look: Look) -> np.ndarray:
    """Apply a look to an image.

    Args:
        image: RGB, uint8, shape (H, W, 3).
        look: The look to apply.

    Returns:
        A new image of the same shape.
    """
    height, width = image.shape[:2]
    image = cv2.transform(image, look.colour)
    if look.gamma != 1:
        image = cv2.LUT(image, _gamma_table(look.gamma))
    if any(look.ramp):
        image = cv2.multiply(image, _ramp(height, width, *look.ramp), dtype=cv2.CV_8U)
    if look.shrink > 1:
        small = cv2.resize(image, (max(round(width / look.shrink), 2), max(round(height / look.shrink), 2)), interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if look.blur_px >= 0.3:
        image = cv2.GaussianBlur(image, (0, 0), look.blur_px)
    if np.hypot(*look.motion_px) >= 1:
        image = cv2.filter2D(image, -1, _motion_kernel(*look.motion_px))
    if look.noise > 0:
        left, top = look.noise_corner
        field = _noise_field(*image.shape[:2])[top : top + image.shape[0], left : left + image.shape[1]]
        share = look.noise / _FIELD_DEVIATION
        image = cv2.addWeighted(image, 1, field, share, -128 * share)
    if look.quality:
        # the order of the colours is OpenCV's, red and blue exchanged, which JPEG compresses a little differently
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, look.quality])[1], cv2.IMREAD_COLOR))
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
"""Standard deviation of the noise field, grey levels."""


@lru_cache(maxsize=8)
def _noise_field(height: int, width: int) -> np.ndarray:
    """Fixed noise around grey level 128, 64 px larger than an image: uint8, shape (height + 64, width + 64, 3)."""
    noise = np.random.default_rng(0).normal(128, _FIELD_DEVIATION, (height + 64, width + 64, 3))
    return np.clip(noise.round(), 0, 255).astype(np.uint8)


def _gamma_table(gamma: float) -> np.ndarray:
    return np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)


def _ramp(height: int, width: int, right: float, down: float) -> np.ndarray:
    """Factors of brightness that rise from the left to the right rim and from the upper to the lower one: float32, shape (H, W, 3)."""
    across = np.linspace(-right, right, width, dtype=np.float32)
    along = np.linspace(-down, down, height, dtype=np.float32)
    return cv2.merge([1 + along[:, None] + across[None, :]] * 3)


def _motion_kernel(x: float, y: float) -> np.ndarray:
    """Blur kernel of a motion by (x, y) px: a line through the centre, symmetric, with weights that add up to 1."""
    reach = int(np.ceil(max(abs(x), abs(y)) / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    start, end = ((round((reach + sign * x / 2) * 16), round((reach + sign * y / 2) * 16)) for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_8, 4)
    kernel += kernel[::-1, ::-1].copy()
    return kernel / kernel.sum()
