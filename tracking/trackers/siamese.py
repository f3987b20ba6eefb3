"""The siamese tracking loop: score the search region against the template, penalise jumps, smooth the size.

Source: LightTrack (CVPR 2021) after Ocean and SiamRPN; steps and constants as its public tracker takes them, checked by
tests/test_parity_tracking.py. The graphs are `template` (a crop to features) and `search` (a crop and those features to `cls`
(B, 1, H, W) logits and `reg` (B, 4, H, W) distances left, top, right, bottom in px); `search_SIZE` is the same for another crop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tracking.crops import context_side, crop_aligned, crop_public
from tracking.grid import centres
from tracking.images import cv2
from tracking.trackers.procedure import Network

MAX_SIZE = 1024
"""Largest side of a crop, px."""
COARSEST_STRIDE = 16
"""Sides of crops are multiples of it: else the score map would overhang the crop, and `advance` would take a wrong stride from it, px."""
LEAST_SIZE_PX = 10
"""Least width and height of a box, px."""


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

    @property
    def further_search_sizes(self) -> tuple[int, ...]:
        """The side for small targets, where it is another one."""
        return () if self.small_target_size == self.search_size else (self.small_target_size,)

    def graph(self, size: int) -> str:
        """Name of the search graph for crops of this side, px."""
        return "search" if size == self.search_size else f"search_{size}"


@dataclass(frozen=True)
class Targets:
    """State of B targets; positions in pixels of their images."""

    centre: np.ndarray
    """(B, 2) x and y."""
    size: np.ndarray
    """(B, 2) width and height."""
    fill: np.ndarray
    """(B, 3) mean colour of the first image."""
    search_size: np.ndarray
    """(B,) side of the search crop of each, px."""
    features: Any
    """What the template graph made of them; only the search graph looks inside."""

    @property
    def boxes(self) -> np.ndarray:
        """(B, 4) xywh."""
        return np.concatenate([self.centre - self.size / 2, self.size], axis=-1)


class Siamese:
    """Tracks B targets at once with a siamese network; a `Procedure`."""

    def __init__(self, network: Network, settings: SiameseSettings):
        self.network = network
        self.settings = settings

    def start(self, images: list[np.ndarray], boxes: np.ndarray) -> Targets:
        boxes = np.asarray(boxes, float)
        fill = np.stack([np.array(cv2.mean(image)[:3]) for image in images])
        areas = boxes[:, 2:].prod(axis=1) / [image.shape[0] * image.shape[1] for image in images]
        small = areas < self.settings.small_target_area
        search_size = np.where(small, self.settings.small_target_size, self.settings.search_size)
        targets = Targets(boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:].copy(), fill, search_size, None)
        crops = _crops(images, targets, context_side(targets.size), self.settings.template_size, self.settings)
        (features,) = self.network.run("template", {"template": crops})
        return Targets(targets.centre, targets.size, fill, search_size, features)

    def step(self, images: list[np.ndarray], state: Targets) -> tuple[Targets, np.ndarray, np.ndarray]:
        centre, size, scores = np.empty_like(state.centre), np.empty_like(state.size), np.empty(len(images))
        for side in np.unique(state.search_size):
            rows = np.flatnonzero(state.search_size == side)
            some = state if len(rows) == len(images) else _some(state, rows)
            shown = [images[row] for row in rows]
            centre[rows], size[rows], scores[rows] = self._find(shown, some, int(side))
        moved = Targets(centre, size, state.fill, state.search_size, state.features)
        return moved, moved.boxes, scores

    def _find(self, images: list[np.ndarray], targets: Targets, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """New centres, sizes and scores of targets whose search crops have one side."""
        crops = search_crops(images, targets, side, self.settings)
        cls, reg = self.network.run(self.settings.graph(side), {"search": crops, "template_features": targets.features})
        image_sizes = np.array([[image.shape[1], image.shape[0]] for image in images], float)
        return advance(targets, np.asarray(cls)[:, 0], np.asarray(reg), image_sizes, side, self.settings)


def _some(targets: Targets, rows: np.ndarray) -> Targets:
    parts = (targets.centre, targets.size, targets.fill, targets.search_size, targets.features)
    return Targets(*(part[rows] for part in parts))


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
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move the targets to where the network sees them.

    Args:
        targets: B targets as they were cropped.
        cls: (B, H, W) logits.
        reg: (B, 4, H, W) distances left, top, right, bottom in px of the crop.
        image_sizes: (B, 2) width and height of the images.
        search_size: Side of the crops in px.
        settings: Constants.

    Returns:
        New centres (B, 2) and sizes (B, 2), px of the images, and the best scores (B,), from 0 to 1, before penalty and window.
    """
    B, cells = cls.shape[:2]
    grid = centres(cells, search_size // cells, search_size)
    scale = settings.template_size / context_side(targets.size)[:, None]
    old = targets.size * scale

    left, top = grid[None, None, :] - reg[:, 0], grid[None, :, None] - reg[:, 1]
    right, bottom = grid[None, None, :] + reg[:, 2], grid[None, :, None] + reg[:, 3]
    size = np.maximum(np.stack([right - left, bottom - top], axis=-1), 1e-3)  # a network may predict an empty box
    score = sigmoid(cls.astype(np.float64))

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
    sizes = np.clip(smoothed, LEAST_SIZE_PX, np.maximum(image_sizes, LEAST_SIZE_PX))
    return np.clip(centre, 0, image_sizes), sizes, score[best]


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1 + small)
