"""Photographs and cut-outs that generated video is made of: a folder that `benchmarks/material.py` has made, or what a bare installation has.

A material folder holds `index.json`, which names the pictures and says which are held out for validation; photographs are JPEG files, and
cut-outs are PNG files with alpha. Nothing is decoded before a world asks for it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tracking.files.records import read_record
from tracking.images import cv2, read_image

HELD_OUT_SEED = 1_000_000
"""From this seed on, pairs are made of the pictures that are held out for validation; smaller seeds are for training."""
FORMAT = "chiptrack-material-1"


@dataclass(frozen=True)
class Picture:
    """A file, and the package that it comes from."""

    path: Path
    package: str


@dataclass(frozen=True)
class Material:
    """Pictures that worlds are drawn from."""

    photographs: tuple[Picture, ...]
    cutouts: tuple[Picture, ...]
    content: str
    """Checksum of the index."""


@dataclass(frozen=True, eq=False)
class Cutout:
    """A picture with alpha, at several sizes."""

    levels: tuple[np.ndarray, ...]
    """RGBA, uint8, the largest first, each half as large as the one before; colours reach beyond the rim."""
    aspect: float
    """Width by height."""

    def level(self, side_px: float) -> np.ndarray:
        """The smallest level that is still sharp when it is shown with a longer side of `side_px`."""
        return next((level for level in reversed(self.levels) if max(level.shape[:2]) >= side_px), self.levels[0])


@lru_cache(maxsize=4)
def load_material(folder: Path | str, held_out: bool) -> Material:
    """Read the index of a material folder.

    Args:
        folder: The folder.
        held_out: Whether the pictures for validation are wanted, or those for training.

    Raises:
        FileNotFoundError: There is no index, or a picture is missing.
        ValueError: The index is damaged, or holds no photograph or no cut-out of the wanted kind.
    """
    index = Path(folder) / "index.json"
    if not index.is_file():
        raise FileNotFoundError(
            f"a material folder must hold index.json, {folder} holds none; make one with `python -m benchmarks.material --out FOLDER`"
        )
    try:
        record = read_record(index)
        if record.get("format") != FORMAT:
            raise ValueError("format")
        wanted = [
            Picture(Path(folder) / str(each["file"]), str(each["package"]))
            for each in record["pictures"]
            if bool(each["validation"]) == held_out
        ]
    except (KeyError, TypeError, ValueError) as err:
        raise ValueError(f"the index of a material folder must be as it was written, {index} is not; make the folder again") from err
    missing = [picture.path for picture in wanted if not picture.path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"a material folder must hold what its index names, {missing[0]} and {len(missing) - 1} others are missing; make it again"
        )
    photographs, cutouts = (tuple(each for each in wanted if (each.path.suffix == ".png") == alpha) for alpha in (False, True))
    if not photographs or not cutouts:
        kind = "validation" if held_out else "training"
        raise ValueError(
            f"a material folder must hold photographs and cut-outs for {kind}, {folder} has {len(photographs)} and {len(cutouts)}; add some"
        )
    return Material(photographs, cutouts, hashlib.sha256(index.read_bytes()).hexdigest())


def shares(pictures: Sequence[Picture]) -> np.ndarray:
    """How often to draw each picture, so that a package with many of a kind does not drown the others: probabilities, shape (N,).

    A package with four times as many pictures as another is drawn from twice as often.
    """
    counts = Counter(picture.package for picture in pictures)
    weights = np.array([counts[picture.package] ** -0.5 for picture in pictures])
    return weights / weights.sum()


def read_cutout(path: Path) -> np.ndarray:
    """Read a picture with alpha: RGBA, uint8.

    Raises:
        ValueError: It cannot be decoded or has no alpha.
    """
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 3 or image.shape[2] != 4 or image.dtype != np.uint8:
        raise ValueError(f"a cut-out must be an 8-bit PNG with alpha, {path} is not; make the material folder again")
    return cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA)


def read_photograph(path: Path, longer_side: int) -> np.ndarray:
    """Read a photograph with a longer side of at most `longer_side` px: RGB, uint8."""
    image = read_image(path)
    scale = longer_side / max(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image


def make_cutout(image: np.ndarray) -> Cutout:
    """Prepare a picture with alpha for painting: crop it to its shape, spread its colours beyond the rim, and shrink it step by step.

    Args:
        image: RGBA, uint8.

    Raises:
        ValueError: Nothing of it is opaque.
    """
    rows, columns = np.nonzero(image[..., 3] > 127)
    if not len(rows):
        raise ValueError("a cut-out must have an opaque part, a picture has none; make the material folder again")
    image = np.pad(image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1], ((1, 1), (1, 1), (0, 0)))
    alpha = image[..., 3:].astype(np.float32) / 255
    weight = cv2.blur(alpha, (9, 9))[..., None]
    spread = cv2.blur(image[..., :3] * alpha, (9, 9)) / np.maximum(weight, 1e-3)
    colours = image[..., :3] * alpha + spread * (1 - alpha)
    levels: list[np.ndarray] = [np.dstack([np.clip(colours, 0, 255).astype(np.uint8), image[..., 3]])]
    while min(levels[-1].shape[:2]) >= 24:
        height, width = levels[-1].shape[:2]
        levels.append(cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA))
    return Cutout(tuple(levels), image.shape[1] / image.shape[0])


def bent(rng: np.random.Generator, image: np.ndarray, strength: float) -> np.ndarray:
    """A picture whose points are shifted by a smooth random field, at most `strength` of its sides: same shape and type, transparent outside."""
    height, width = image.shape[:2]
    coarse = rng.uniform(-strength, strength, (2, 4, 4)).astype(np.float32)
    shifts = [cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC) for field in coarse]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(image, x + width * shifts[0], y + height * shifts[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
