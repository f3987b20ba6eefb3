"""Textures that sprites and sceneries are made of: pieces of two photographs and a few patterns, recoloured at random.

The photographs are those that scikit-learn ships (china.jpg and flower.jpg, CC BY, sklearn/datasets/images/README.txt).
"""

import importlib.util
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from tracking.augment import colour_map
from tracking.images import cv2, read_image


@lru_cache(maxsize=1)
def photographs() -> tuple[np.ndarray, ...]:
    """The photographs: RGB, uint8, 427 x 640.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("generated video needs the photographs of scikit-learn, which is missing; pip install scikit-learn")
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "images"
    return tuple(read_image(folder / name) for name in ("china.jpg", "flower.jpg"))


def sample_texture(rng: np.random.Generator, size: int = 256) -> np.ndarray:
    """Draw a texture: a piece of a photograph, a pattern, or nearly plain colour.

    Args:
        rng: Source of randomness.
        size: Side, px.

    Returns:
        RGB, uint8, shape (size, size, 3).
    """
    kind = rng.random()
    if kind < 0.5:
        return sample_photograph(rng, size)
    if kind < 0.62:
        return sample_pattern(rng, size, (_noise, _gradient), contrast=0.3)
    return sample_pattern(rng, size, (_noise, _stripes, _checks, _blobs, _gradient))


def sample_photograph(
    rng: np.random.Generator, size: int, window: tuple[float, float] = (150, 400), photograph: np.ndarray | None = None
) -> np.ndarray:
    """Draw a piece of a photograph, turned, mirrored and recoloured: wildly one of the two, mildly one that is given.

    Args:
        rng: Source of randomness.
        size: Side of the result, px.
        window: Range of the side of the piece in the photograph, px; a photograph is reflected where it ends.
        photograph: RGB, uint8; by default one of the two that scikit-learn ships.

    Returns:
        RGB, uint8, shape (size, size, 3).
    """
    given = photograph is not None
    if photograph is None:
        photograph = photographs()[rng.integers(2)]
    side = rng.uniform(*window)
    scale, angle = size / side, rng.uniform(-0.6, 0.6) * (0.2 if given else 1)
    mirror = rng.choice((-1, 1))
    linear = scale * np.array([[mirror * np.cos(angle), -np.sin(angle)], [mirror * np.sin(angle), np.cos(angle)]])
    middle = np.array(photograph.shape[1::-1]) / 2
    centre = middle + rng.uniform(-1, 1, 2) * np.maximum(middle - side / 2, 0)
    matrix = np.column_stack([linear, size / 2 - linear @ centre])
    if given:
        saturation, hue, contrast, shift = rng.uniform((0.7, -0.1, 0.85, -20), (1.2, 0.1, 1.15, 20))
    else:
        saturation, hue, contrast, shift = rng.uniform((0.2, -np.pi, 0.7, -30), (1.2, np.pi, 1.25, 40))
    colour = colour_map(saturation, hue, contrast, 1, shift)
    if scale < 0.7:  # linear interpolation of such a large piece would alias
        photograph = cv2.blur(photograph, (round(1 / scale), round(1 / scale)))
    piece = cv2.warpAffine(photograph, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return cv2.transform(piece, colour)


def sample_pattern(
    rng: np.random.Generator, size: int, kinds: tuple[Callable[[np.random.Generator, int], np.ndarray], ...], contrast: float = 1
) -> np.ndarray:
    """Draw a pattern of two colours, with fine grain and a slow shade over it.

    Args:
        rng: Source of randomness.
        size: Side, px.
        kinds: Functions that draw a field of values from 0 to 1; one of them is chosen at random.
        contrast: How far the second colour is from the first, from 0 to 1.

    Returns:
        RGB, uint8, shape (size, size, 3).
    """
    first, second = rng.permutation([sample_rgb(rng, 0.05, 0.5), sample_rgb(rng, 0.45, 1)])
    field = kinds[rng.integers(len(kinds))](rng, size)
    grain = rng.uniform(0, 12) * (_noise(rng, size, finest=2) - 0.5)
    shade = 1 + rng.uniform(0, 0.5) * (_gradient(rng, size) - 0.5)
    image = (first + contrast * field[..., None] * (second - first) + grain[..., None]) * shade[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)


def plain_pattern(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw a surface of low contrast such as road, wall, grass or sky: RGB, uint8, shape (size, size, 3)."""
    return sample_pattern(rng, size, (_noise,), contrast=rng.uniform(0.05, 0.35))


def sample_rgb(rng: np.random.Generator, darkest: float, brightest: float) -> np.ndarray:
    """Draw a colour, more often pale than vivid.

    Args:
        rng: Source of randomness.
        darkest: Least value of its largest channel, from 0 to 1.
        brightest: Greatest value of its largest channel.

    Returns:
        Shape (3,), 0 to 255.
    """
    hue = rng.random(3)
    hue = (hue - hue.min()) / np.ptp(hue)
    return 255 * rng.uniform(darkest, brightest) * (1 - rng.beta(1, 2.2) * (1 - hue))


def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    axis = np.arange(size, dtype=np.float32)
    return axis[None, :], axis[:, None]


def _waves(rng: np.random.Generator, size: int) -> np.ndarray:
    x, y = _grid(size)
    angle, period, phase = rng.uniform((0, 7, 0), (np.pi, 40, 2 * np.pi))
    sharpness = rng.choice((1.0, 4.0))
    wave = np.sin((np.cos(angle) * x + np.sin(angle) * y) * (2 * np.pi / period) + phase)
    return np.clip(0.5 + 0.5 * sharpness * wave, 0, 1).astype(np.float32)


def _stripes(rng: np.random.Generator, size: int) -> np.ndarray:
    return _waves(rng, size)


def _checks(rng: np.random.Generator, size: int) -> np.ndarray:
    first, second = _waves(rng, size), _waves(rng, size)
    return first * second + (1 - first) * (1 - second)


def _noise(rng: np.random.Generator, size: int, finest: int = 4) -> np.ndarray:
    """Smooth noise on several scales, coarser ones stronger, from 0 to 1."""
    field = np.zeros((size, size), np.float32)
    steepness = rng.uniform(0.5, 1.2)
    cell = finest
    while cell <= 64:
        cells = rng.random((size // cell + 2, size // cell + 2), dtype=np.float32)
        field += cell**steepness * cv2.resize(cells, (size, size), interpolation=cv2.INTER_CUBIC)
        cell *= 2
    field -= field.min()
    return field / field.max()


def _blobs(rng: np.random.Generator, size: int) -> np.ndarray:
    """Spots with soft rims: smooth noise of one scale, cut at a level."""
    cells = int(rng.integers(8, 28))
    field = cv2.resize(rng.random((cells, cells), dtype=np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(0.5 + 8 * (field - rng.uniform(0.35, 0.65)), 0, 1)


def _gradient(rng: np.random.Generator, size: int) -> np.ndarray:
    """A wave of long period in a random direction, from 0 to 1, so that most parts of it show a slope."""
    x, y = _grid(size)
    angle, period, phase = rng.uniform((0, 120, 0), (2 * np.pi, 300, 2 * np.pi))
    return 0.5 + 0.5 * np.sin((np.cos(angle) * x + np.sin(angle) * y) * (2 * np.pi / period) + phase).astype(np.float32)
