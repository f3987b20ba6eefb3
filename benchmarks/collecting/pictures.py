"""Pictures as training wants them: photographs, and cut-outs with alpha."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

PHOTOGRAPH_SIDE = 1280
CUTOUT_SIDE = 320
SMALLEST_SIDE = 64
"""Pixels: a smaller cut-out would be a blur at the size at which targets are seen."""
AREA = (0.12, 0.97)
"""Which share of its box a cut-out's shape may cover."""


def photograph(image: Image.Image) -> np.ndarray:
    """RGB, its longer side at most 1280."""
    image = image.convert("RGB")
    image.thumbnail((PHOTOGRAPH_SIDE, PHOTOGRAPH_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def cutout(image: Image.Image) -> np.ndarray | None:
    """RGBA, cropped to its alpha; None where that is no shape of a sensible size."""
    return _cropped(np.asarray(image.convert("RGBA")))


def from_plain_background(image: Image.Image) -> np.ndarray | None:
    """A cut-out of what stands before an evenly coloured background, which is filled from the border; None where there is none."""
    image = image.convert("RGB")
    image.thumbnail((2 * CUTOUT_SIDE, 2 * CUTOUT_SIDE), Image.Resampling.LANCZOS)
    pixels = np.array(image)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).astype(np.float64)
    colour = np.median(border, axis=0)
    if np.mean(np.abs(border - colour).max(axis=1) < 14) < 0.8:
        return None
    like = (np.abs(pixels.astype(np.float64) - colour).max(axis=2) < 16).astype(np.uint8)
    padded = np.pad(like, 1, constant_values=1)
    cv2.floodFill(padded, None, (0, 0), (2,))
    shape = (padded[1:-1, 1:-1] != 2).astype(np.uint8)
    return _largest(pixels, cv2.erode(shape, np.ones((3, 3), np.uint8)), 3)


def from_the_middle(image: Image.Image) -> np.ndarray | None:
    """A cut-out of what stands in the middle of a photograph, from about its middle to its lower edge, separated from the rest by GrabCut."""
    image = image.convert("RGB")
    image.thumbnail((CUTOUT_SIDE, CUTOUT_SIDE), Image.Resampling.LANCZOS)
    pixels = np.array(image)
    height, width = pixels.shape[:2]
    y, x = np.mgrid[:height, :width]
    across, down = (x / width - 0.5) ** 2, y / height
    mask = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    mask[across / 0.36**2 + ((down - 0.62) / 0.5) ** 2 < 1] = cv2.GC_PR_FGD
    mask[across / 0.12**2 + ((down - 0.6) / 0.22) ** 2 < 1] = cv2.GC_FGD
    rim = max(3, width // 30)
    upper = int(0.6 * height)
    mask[:upper, :rim] = mask[:upper, -rim:] = mask[: max(2, height // 60)] = cv2.GC_BGD
    cv2.setRNGSeed(0)
    cv2.grabCut(pixels, mask, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    return _largest(pixels, np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8), 5)


def likeness(pixels: np.ndarray) -> int:
    """64 bits that hardly differ between two sizes or compressions of one picture."""
    grey = cv2.resize(cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def _cropped(pixels: np.ndarray) -> np.ndarray | None:
    rows, columns = np.nonzero(pixels[..., 3] > 40)
    if len(rows) == 0:
        return None
    pixels = pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    height, width = pixels.shape[:2]
    covered = float(np.mean(pixels[..., 3] > 128))
    if min(width, height) < SMALLEST_SIDE or max(width, height) > 6 * min(width, height) or not AREA[0] <= covered <= AREA[1]:
        return None
    if float(pixels[..., :3][pixels[..., 3] > 128].std()) < 12:  # a silhouette: nothing to recognise but its outline
        return None
    image = Image.fromarray(pixels, "RGBA")
    image.thumbnail((CUTOUT_SIDE, CUTOUT_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _largest(pixels: np.ndarray, shape: np.ndarray, opening: int) -> np.ndarray | None:
    """The largest connected piece of a shape (0 or 1) as a cut-out with a soft rim; hairs thinner than `opening` px are left out."""
    shape = cv2.morphologyEx(shape, cv2.MORPH_OPEN, np.ones((opening, opening), np.uint8))
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(shape)
    if len(statistics) < 2:
        return None
    largest = 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA]))
    alpha = cv2.GaussianBlur((labels == largest).astype(np.uint8) * 255, (3, 3), 0)
    return _cropped(np.dstack([pixels, alpha]))
