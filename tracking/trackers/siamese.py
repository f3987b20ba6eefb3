"""The siamese tracking loop: score the search region against the template, penalise jumps, smooth the size.

Source: LightTrack (CVPR 2021) after Ocean and SiamRPN; steps and constants as its public tracker takes them, checked by
tests/test_parity_tracking.py. The graphs are `template` (a crop to features) and `search` (a crop and those features to `cls`
(B, 1, H, W) logits and `reg` (B, 4, H, W) distances left, top, right, bottom in px). A graph `search_SIZE`, such as `search_288`, is
the search graph for crops of another side. A search graph may have a third output, `presence` (B, 1) logits: whether the target is in the
crop at all. It is then the score of a box. Without it the score is that of the chosen cell, or, once `tune` has calibrated a tracker, its
presence score (`presence`). A score changes no box.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from tracking.crops import context_side, crop_aligned, crop_public
from tracking.grid import centres
from tracking.images import cv2
from tracking.trackers.presence import FEATURES, evidence_of, sigmoid
from tracking.trackers.procedure import Network

MAX_SIZE = 1024
"""Largest side of a crop, px."""
_MOST_PATIENCE = 1000
COARSEST_STRIDE = 16
"""Largest stride of a score map, px. Sides of crops are multiples of it, since `advance` computes the stride as side // cells."""


@dataclass(frozen=True)
class SiameseSettings:
    """Sizes and constants of the siamese tracking loop."""

    template_size: int
    """Side of the template crop that the network takes, px."""
    search_size: int
    """Side of the usual search crop, px."""
    small_target_size: int
    """Side of the search crop for targets below `small_target_area`, px."""
    penalty_k: float
    """How strongly a change of size or aspect ratio lowers a score; 0 for not at all."""
    lr: float
    """Rate at which the size of the box follows the predicted size, 0 to 1."""
    window_influence: float
    """Weight, 0 to 1, of a Hanning window that favours cells in the middle of the crop when the best cell is chosen."""
    small_target_area: float = 0.004
    """A target counts as small if its first box covers less than this share of the image."""
    aligned: bool = False
    """Whether crops are cut with sub-pixel precision instead of in whole pixels as by the public tracker."""
    lost_below: float = 0.1
    """Score below which a box is doubtful, 0 to 1."""
    lost_after: int = 5
    """Number of successive doubtful boxes after which the target is lost."""
    found_above: float = 0.5
    """Score from which on a lost target is found again, 0 to 1; less if its usual score is lower, but at least `lost_below`."""
    least_size: float = 10.0
    """Smallest width and height of a predicted box, px."""
    context_size: int = 0
    """Side of the square of target and context at the scale of the crops, px; 0 for the template's size.

    A template crop that is smaller than this square shows its centre, so that it holds less context at the same scale.
    """
    presence_intercept: float = 0.0
    """Intercept of the logistic regression that makes the score; if all its weights are 0, the score is what the network says."""
    presence_maximum: float = 0.0
    """Weight of the maximum of the score map, a logit."""
    presence_ratio: float = 0.0
    """Weight of the map's ratio of peak to side-lobe."""
    presence_drop: float = 0.0
    """Weight of the drop of the maximum below its running mean."""
    presence_output: float = 0.0
    """Weight of the logit of the network's presence output."""

    def __post_init__(self):
        for name in ("template_size", "search_size", "small_target_size"):
            if not 0 < getattr(self, name) <= MAX_SIZE or getattr(self, name) % COARSEST_STRIDE:
                raise ValueError(
                    f"{name} must be a multiple of {COARSEST_STRIDE} up to {MAX_SIZE}, got {getattr(self, name)}; leave it out for the model's own"
                )
        if not (self.context_size == 0 or COARSEST_STRIDE <= self.context_size <= MAX_SIZE):
            raise ValueError(
                f"context_size must be 0 or lie between {COARSEST_STRIDE} and {MAX_SIZE} px, got {self.context_size}; 0 takes the template's size"
            )
        for name in ("lr", "window_influence", "small_target_area", "lost_below", "found_above"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, got {getattr(self, name)}; leave it out for the model's own")
        if not 1 <= self.least_size <= MAX_SIZE:
            raise ValueError(f"least_size must lie between 1 and {MAX_SIZE} px, got {self.least_size}; 10 is usual")
        if not 1 <= self.lost_after <= _MOST_PATIENCE:
            raise ValueError(f"lost_after must lie between 1 and {_MOST_PATIENCE} frames, got {self.lost_after}; 5 is usual")
        if not np.isfinite([self.presence_intercept, *self.presence_weights]).all():
            raise ValueError(f"weights of the presence score must be finite, got {self.presence_weights}; calibrate with `chiptrack tune`")
        if not (np.isfinite(self.penalty_k) and self.penalty_k >= 0):
            raise ValueError(f"penalty_k must be a number >= 0, got {self.penalty_k}; leave it out for the model's own")

    @property
    def context(self) -> int:
        """Side of the square of target and context at the scale of the crops, px."""
        return self.context_size or self.template_size

    @property
    def presence_weights(self) -> tuple[float, float, float, float]:
        """Weights of the features of the presence score, in the order of `presence.FEATURES`."""
        return self.presence_maximum, self.presence_ratio, self.presence_drop, self.presence_output

    @property
    def calibrated(self) -> bool:
        """Whether the score has been calibrated: it is then the probability that the target is where the box is, if it is as often as not."""
        return any(self.presence_weights)

    def presence(self, evidence: np.ndarray) -> np.ndarray:
        """The presence scores (B,), 0 to 1, of features (B, 4), see `presence.FEATURES`."""
        return sigmoid(evidence @ self.presence_weights + self.presence_intercept)

    @property
    def further_search_sizes(self) -> tuple[int, ...]:
        """`small_target_size`, if it differs from `search_size`; else nothing."""
        return () if self.small_target_size == self.search_size else (self.small_target_size,)

    def graph(self, size: int) -> str:
        """Name of the search graph for crops whose side has this size, px."""
        return "search" if size == self.search_size else f"search_{size}"


@dataclass(frozen=True)
class Targets:
    """State of B targets; positions and sizes are in pixels of their images."""

    centre: np.ndarray
    """(B, 2) x and y of the centres."""
    size: np.ndarray
    """(B, 2) width and height."""
    fill: np.ndarray
    """(B, 3) mean colour of each target's first image, which crops show outside the image."""
    search_size: np.ndarray
    """(B,) side of each target's search crop, px."""
    features: Any
    """Output of the template graph for the B targets; only the search graph looks inside."""
    usual: np.ndarray
    """(B,) running mean of the maximum of each target's score maps, a logit; NaN before the first."""
    evidence: np.ndarray
    """(B, 4) features of the latest score maps, see `presence.FEATURES`; NaN before the first."""

    @property
    def boxes(self) -> np.ndarray:
        """(B, 4) boxes xywh."""
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
        unknown = np.full(len(images), np.nan), np.full((len(images), len(FEATURES)), np.nan)
        targets = Targets(boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:].copy(), fill, search_size, None, *unknown)
        sides = context_side(targets.size) * (self.settings.template_size / self.settings.context)
        crops = _crops(images, targets, sides, self.settings.template_size, self.settings)
        (features,) = self.network.run("template", {"template": crops})
        return replace(targets, features=features)

    def step(self, images: list[np.ndarray], state: Targets) -> tuple[Targets, np.ndarray, np.ndarray]:
        centre, size, scores = np.empty_like(state.centre), np.empty_like(state.size), np.empty(len(images))
        usual, evidence = np.empty_like(state.usual), np.empty_like(state.evidence)
        for side in np.unique(state.search_size):
            rows = np.flatnonzero(state.search_size == side)
            some = state if len(rows) == len(images) else self.select(state, rows)
            shown = [images[row] for row in rows]
            found, scores[rows] = self._find(shown, some, int(side))
            centre[rows], size[rows], usual[rows], evidence[rows] = found.centre, found.size, found.usual, found.evidence
        moved = replace(state, centre=centre, size=size, usual=usual, evidence=evidence)
        return moved, moved.boxes, scores

    def restart(self, images: list[np.ndarray], boxes: np.ndarray, state: Targets, rows: np.ndarray) -> Targets:
        return self.put(state, rows, self.start(images, boxes))

    def select(self, state: Targets, rows: np.ndarray) -> Targets:
        return Targets(*(part[rows] for part in _parts(state)))

    def put(self, state: Targets, rows: np.ndarray, some: Targets) -> Targets:
        """A copy of a state in which the targets at (R,) positions have the state of R others."""
        parts = deepcopy(_parts(state))
        for part, fresh in zip(parts, _parts(some), strict=True):
            part[rows] = fresh
        return Targets(*parts)

    def boxes(self, state: Targets) -> np.ndarray:
        """The boxes (B, 4) xywh of a state, px."""
        return state.boxes

    def moved(self, state: Targets, centres: np.ndarray) -> Targets:
        """A copy of a state in which B targets are looked for around other places (B, 2), px of their images."""
        return replace(state, centre=np.asarray(centres, float))

    def reach(self, state: Targets) -> np.ndarray:
        """Sides (B,) of the squares of the images that are searched for each target in one step, px."""
        return context_side(state.size) * state.search_size / self.settings.context

    def _find(self, images: list[np.ndarray], targets: Targets, side: int) -> tuple[Targets, np.ndarray]:
        """B targets, whose search crops all have this side, px, where they are seen now; and their scores (B,).

        The score is the calibrated one; without calibration it is the network's belief in the presence of the target if it has one, else
        the score of the chosen cell.
        """
        crops = search_crops(images, targets, side, self.settings)
        cls, reg, *presence = self.network.run(self.settings.graph(side), {"search": crops, "template_features": targets.features})
        maps, output = np.asarray(cls)[:, 0], np.asarray(presence[0], np.float64)[:, 0] if presence else None
        image_sizes = np.array([[image.shape[1], image.shape[0]] for image in images], float)
        centre, size, scores = advance(targets, maps, np.asarray(reg), image_sizes, side, self.settings)
        evidence, usual = evidence_of(maps.astype(np.float64), output, targets.usual)
        found = replace(targets, centre=centre, size=size, usual=usual, evidence=evidence)
        if self.settings.calibrated:
            return found, self.settings.presence(evidence)
        return found, scores if output is None else sigmoid(output)


def _parts(targets: Targets) -> tuple[Any, ...]:
    """The fields of targets in order, each with a row for each target."""
    return tuple(getattr(targets, field.name) for field in fields(targets))


def search_crops(images: list[np.ndarray], targets: Targets, search_size: int, settings: SiameseSettings) -> np.ndarray:
    """Cut the region of each image in which its target is looked for: (B, search_size, search_size, 3) uint8."""
    side = context_side(targets.size)
    # the order of operations is the public tracker's, so that rounding is too
    side = side + 2 * ((search_size - settings.context) / 2 / (settings.context / side))
    return _crops(images, targets, side, search_size, settings)


def _crops(images: list[np.ndarray], targets: Targets, sides: np.ndarray, size: int, settings: SiameseSettings) -> np.ndarray:
    cut = zip(images, targets.centre, sides, targets.fill, strict=True)
    if settings.aligned:
        return np.stack([crop_aligned(image, centre, float(side), size, fill) for image, centre, side, fill in cut])
    return np.stack([crop_public(image, centre, int(np.floor(side + 0.5)), size, fill) for image, centre, side, fill in cut])


def advance(
    targets: Targets, cls: np.ndarray, reg: np.ndarray, image_sizes: np.ndarray, search_size: int, settings: SiameseSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move the targets to where the network sees them: choose a cell for each, and smooth the size.

    Args:
        targets: B targets as they were cropped.
        cls: (B, H, W) logits; H and W are equal.
        reg: (B, 4, H, W) distances left, top, right, bottom in px of the crop.
        image_sizes: (B, 2) width and height of the images.
        search_size: Side of the crops in px.
        settings: Constants.

    Returns:
        New centres (B, 2) and sizes (B, 2), px of the images, and the scores (B,) of the chosen cells, from 0 to 1, without penalty and
        window.
    """
    B, cells = cls.shape[:2]
    grid = centres(cells, search_size // cells, search_size)
    scale = settings.context / context_side(targets.size)[:, None]
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
    sizes = np.clip(smoothed, settings.least_size, np.maximum(image_sizes, settings.least_size))
    return np.clip(centre, 0, image_sizes), sizes, score[best]
