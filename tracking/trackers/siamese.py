"""The siamese tracking loop: score the search region against the template, penalise jumps, smooth the size.

Source: LightTrack (CVPR 2021) after Ocean and SiamRPN; steps and constants as its public tracker takes them, checked by
tests/test_parity_tracking.py. Everything works on B targets at once, so that many sequences can share a network call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.special import expit

from tracking.crops import context_side, crop_aligned, crop_public
from tracking.grid import centres
from tracking.images import cv2
from tracking.tracker import TrackResult

MAX_SIZE = 1024
"""Largest side of a crop, px."""
COARSEST_STRIDE = 16
"""Sides of crops are multiples of it: else the score map would overhang the crop, and `advance` would take a wrong stride from it, px."""


@dataclass(frozen=True)
class SiameseSettings:
    """Sizes and constants of the loop."""

    template_size: int
    """Side of the template crop that the network takes, px."""
    search_size: int
    """Side of the search crop, px."""
    small_target_size: int
    """Side of the search crop for targets below `small_target_area`, px."""
    penalty_k: float
    """How strongly a change of size or aspect lowers a score."""
    lr: float
    """Rate at which the size follows the prediction."""
    window_influence: float
    """Share of the Hanning window in the score, 0 to 1."""
    small_target_area: float = 0.004
    """Share of the first image below which a target counts as small."""
    aligned: bool = False
    """Crop with sub-pixel precision instead of by the public tracker's whole pixels."""
    lost_below: float = 0.1
    """A best score below this says that the target is lost."""

    def __post_init__(self):
        for name in ("template_size", "search_size", "small_target_size"):
            if not 0 < getattr(self, name) <= MAX_SIZE or getattr(self, name) % COARSEST_STRIDE:
                raise ValueError(f"{name} must be a multiple of {COARSEST_STRIDE} up to {MAX_SIZE}, got {getattr(self, name)}")
        for name in ("lr", "window_influence", "small_target_area", "lost_below"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, got {getattr(self, name)}")
        if not (np.isfinite(self.penalty_k) and self.penalty_k >= 0):
            raise ValueError(f"penalty_k must be a number >= 0, got {self.penalty_k}")


class SiameseNetwork(Protocol):
    """What the loop wants from a network, whatever runs it. B targets at once."""

    def template(self, images: np.ndarray) -> Any:
        """(B, h, h, 3) uint8 RGB crops to template features, which only `search` looks into."""
        ...

    def search(self, images: np.ndarray, features: Any) -> tuple[np.ndarray, np.ndarray]:
        """(B, s, s, 3) uint8 RGB crops to cls (B, H, W) logits and reg (B, 4, H, W) ltrb distances in px."""
        ...


@dataclass(frozen=True)
class Targets:
    """State of B targets; positions in pixels of their images."""

    centre: np.ndarray
    """(B, 2) x and y."""
    size: np.ndarray
    """(B, 2) width and height."""
    fill: np.ndarray
    """(B, 3) mean colour of the first image."""

    @property
    def boxes(self) -> np.ndarray:
        """(B, 4) xywh."""
        return np.concatenate([self.centre - self.size / 2, self.size], axis=-1)


def start(images: list[np.ndarray], boxes: np.ndarray, settings: SiameseSettings) -> tuple[Targets, np.ndarray]:
    """Begin to track B targets.

    Args:
        images: B images, (H, W, 3) uint8 RGB each.
        boxes: (B, 4) xywh.
        settings: Sizes and constants.

    Returns:
        The targets and their template crops (B, h, h, 3).
    """
    fill = np.stack([np.array(cv2.mean(image)[:3]) for image in images])
    targets = Targets(boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:].copy(), fill)
    return targets, _crops(images, targets, context_side(targets.size), settings.template_size, settings)


def search_crops(images: list[np.ndarray], targets: Targets, search_size: int, settings: SiameseSettings) -> np.ndarray:
    """Cut the region in which each target is looked for, (B, search_size, search_size, 3)."""
    side = context_side(targets.size)
    # the public tracker adds the same margin on both sides, in this order of rounding
    side = side + 2 * ((search_size - settings.template_size) / 2 / (settings.template_size / side))
    return _crops(images, targets, side, search_size, settings)


def _crops(images: list[np.ndarray], targets: Targets, sides: np.ndarray, size: int, settings: SiameseSettings) -> np.ndarray:
    cut = zip(images, targets.centre, sides, targets.fill, strict=True)
    if settings.aligned:
        return np.stack([crop_aligned(image, centre, float(side), size, fill) for image, centre, side, fill in cut])
    return np.stack([crop_public(image, centre, int(np.floor(side + 0.5)), size, fill) for image, centre, side, fill in cut])


def advance(
    targets: Targets, cls: np.ndarray, reg: np.ndarray, image_sizes: np.ndarray, search_size: int, settings: SiameseSettings
) -> tuple[Targets, np.ndarray]:
    """Move the targets to where the network sees them.

    Args:
        targets: B targets as they were cropped.
        cls: (B, H, W) logits.
        reg: (B, 4, H, W) distances left, top, right, bottom in px of the crop.
        image_sizes: (B, 2) width and height of the images.
        search_size: Side of the crops in px.
        settings: Constants.

    Returns:
        The moved targets and the best scores (B,), from 0 to 1, before penalty and window.
    """
    B, cells = cls.shape[:2]
    grid = centres(cells, search_size // cells, search_size)
    scale = settings.template_size / context_side(targets.size)[:, None]
    old = targets.size * scale

    left, top = grid[None, None, :] - reg[:, 0], grid[None, :, None] - reg[:, 1]
    right, bottom = grid[None, None, :] + reg[:, 2], grid[None, :, None] + reg[:, 3]
    size = np.maximum(np.stack([right - left, bottom - top], axis=-1), 1e-3)  # a network may predict an empty box
    score = expit(cls.astype(np.float64))

    def change(ratio: np.ndarray) -> np.ndarray:
        return np.maximum(ratio, 1 / ratio)

    size_change = change(context_side(size) / context_side(old)[:, None, None])
    aspect_change = change((old[:, 0] / old[:, 1])[:, None, None] / (size[..., 0] / size[..., 1]))
    penalty = np.exp(-(aspect_change * size_change - 1) * settings.penalty_k)
    window = np.outer(np.hanning(cells), np.hanning(cells))
    judged = penalty * score * (1 - settings.window_influence) + window * settings.window_influence

    best = (np.arange(B), *np.unravel_index(judged.reshape(B, -1).argmax(1), (cells, cells)))
    middle = np.stack([left[best] + right[best], top[best] + bottom[best]], axis=-1) / 2
    centre = targets.centre + (middle - search_size // 2) / scale
    rate = (penalty[best] * score[best] * settings.lr)[:, None]
    smoothed = targets.size * (1 - rate) + size[best] / scale * rate
    smoothed = targets.size * (1 - rate) + smoothed * rate  # the public tracker smooths twice
    moved = Targets(np.clip(centre, 0, image_sizes), np.clip(smoothed, 10, np.maximum(image_sizes, 10)), targets.fill)
    return moved, score[best]


class SiameseTracker:
    """Tracks one target with a siamese network."""

    def __init__(self, network: SiameseNetwork, settings: SiameseSettings):
        self.network = network
        self.settings = settings

    def init(self, image: np.ndarray, box: np.ndarray) -> None:
        box = np.asarray(box, float)
        self._targets, crops = start([image], box[None], self.settings)
        area = box[2] * box[3] / (image.shape[0] * image.shape[1])
        small = area < self.settings.small_target_area
        self._search_size = self.settings.small_target_size if small else self.settings.search_size
        self._features = self.network.template(crops)

    def update(self, image: np.ndarray) -> TrackResult:
        crops = search_crops([image], self._targets, self._search_size, self.settings)
        cls, reg = self.network.search(crops, self._features)
        image_size = np.array([[image.shape[1], image.shape[0]]], float)
        self._targets, scores = advance(self._targets, cls, reg, image_size, self._search_size, self.settings)
        return TrackResult(self._targets.boxes[0], float(scores[0]), bool(scores[0] < self.settings.lost_below))
