"""The loss of a tracking network: where is the target, where are its four sides, and is it there at all.

Source: LightTrack (Yan et al., CVPR 2021) and Ocean before it: balanced binary cross-entropy on the score map, where
cells within a Manhattan distance of the target's centre are positive, plus -log of the smoothed IoU on the cells inside the box.
Both parts have the same weight. The cell nearest to the centre is always positive, so that each target has at least one such cell.
A network with a presence output is also taught by pairs without the target: binary cross-entropy, with half the weight of the other parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from tracking.grid import centres


@dataclass(frozen=True)
class SiameseLoss:
    """The loss of a module that takes templates and search crops and returns `cls`, `reg` and perhaps `presence`; implements `Loss`."""

    radius: float
    """Manhattan distance from the target's centre up to which a cell is positive, as a share of the search crop's side."""

    def __call__(self, module: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        template, search, boxes, present = batch
        cls, reg, *presence = module(template, search)
        size = search.shape[-1]
        _, classification, overlap = tracking_loss(cls, reg, boxes, size // cls.shape[-1], size, self.radius * size, present)
        losses = {"cls_loss": classification, "iou_loss": overlap}
        if presence:
            losses["presence_loss"] = 0.5 * binary_cross_entropy_with_logits(presence[0][:, 0], present.to(cls.dtype))
        return losses


def tracking_loss(
    cls: Tensor, reg: Tensor, boxes: Tensor, stride: int, search_size: int, radius_px: float = 16.0, present: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Loss of a batch of score maps and distances against the true boxes.

    Args:
        cls: Logits, shape (B, 1, H, W).
        reg: Distances from the cell to the left, top, right and bottom side, px, shape (B, 4, H, W).
        boxes: True boxes, corners xyxy in px of the search crop, shape (B, 4).
        stride: Distance between neighbouring cells, px.
        search_size: Side of the search crop, px.
        radius_px: Manhattan distance from the target's centre up to which a cell is positive, px.
        present: Whether the crop shows the target, bool, shape (B,); None if all do. Crops without it have no positive cell and no box.

    Returns:
        Three scalars: the total, and its two summands, classification loss and IoU loss.
    """
    x, y = (_centres(cells, stride, search_size, boxes.dtype, boxes.device) for cells in (cls.shape[-1], cls.shape[-2]))
    left, top, right, bottom = (side[:, None, None] for side in boxes.unbind(dim=1))
    distance = (x - (left + right) / 2).abs() + (y[:, None] - (top + bottom) / 2).abs()
    nearest = distance == distance.amin(dim=(1, 2), keepdim=True)

    to_sides = torch.stack(torch.broadcast_tensors(x - left, y[:, None] - top, right - x, bottom - y[:, None]), dim=1)
    inside = to_sides.amin(dim=1) > 0
    # a target thinner than the stride may contain no cell: then the nearest cell learns the box, with 0 px to sides behind that cell
    taught = inside | (nearest & ~inside.any(dim=(1, 2), keepdim=True))
    positive = (distance <= radius_px) | nearest
    if present is not None:
        taught, positive = taught & present[:, None, None], positive & present[:, None, None]

    classification = classification_loss(cls[:, 0], positive)
    target = to_sides.clamp(min=0)
    # other cells get the true box for an answer, which costs nothing; to index by the mask would wait for the device
    overlap = iou_losses(torch.where(taught[:, None], reg, target), target).sum() / taught.sum().clamp(min=1)
    return classification + overlap, classification, overlap


def classification_loss(logits: Tensor, positive: Tensor) -> Tensor:
    """Binary cross-entropy, averaged over positive and over negative cells separately, with half the weight for each.

    Args:
        logits: One for each cell, any shape.
        positive: Whether each cell is positive: bool, same shape.

    Returns:
        Scalar. If there is no positive cell, or no negative one, that half is 0.
    """
    loss = binary_cross_entropy_with_logits(logits, positive.to(logits.dtype), reduction="none")
    positives = positive.to(logits.dtype)
    negatives = 1 - positives
    return 0.5 * (loss * positives).sum() / positives.sum().clamp(min=1) + 0.5 * (loss * negatives).sum() / negatives.sum().clamp(min=1)


@lru_cache(maxsize=16)
def _centres(cells: int, stride: int, search_size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The coordinates of `centres` as a tensor on the device, which is kept: to copy them in every step would wait for the device."""
    return torch.as_tensor(centres(cells, stride, search_size), dtype=dtype, device=device)


def iou_losses(predicted: Tensor, target: Tensor) -> Tensor:
    """-log((intersection + 1) / (union + 1)) of boxes that are given as distances from a common point.

    Args:
        predicted: Distances to the left, top, right and bottom side, px, shape (N, 4, ...), not negative.
        target: The true distances, same shape.

    Returns:
        Shape (N, ...).
    """
    nearer = torch.minimum(predicted, target)
    intersection = (nearer[:, 0] + nearer[:, 2]) * (nearer[:, 1] + nearer[:, 3])
    union = _area(predicted) + _area(target) - intersection
    return -torch.log((intersection + 1) / (union + 1))


def _area(sides: Tensor) -> Tensor:
    return (sides[:, 0] + sides[:, 2]) * (sides[:, 1] + sides[:, 3])
