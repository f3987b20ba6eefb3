"""The loss of a tracking network against the answers of a larger one: score maps and boxes, no features.

Source: in-place distillation of BigNAS (Yu et al., ECCV 2020), for maps instead of class probabilities. The score of each cell is compared
by Kullback-Leibler divergence, with cells weighted like those of the loss against the truth: half for where the teacher sees the target,
half for the rest. Boxes are compared by overlap, on the cells where the teacher is more certain than not that it sees the target.

The two networks may see crops of different sizes and have maps of different strides. So the teacher's maps are read at the places of the
other's cells, and its distances are scaled to the other's crop.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from tracking.grid import centres
from tracking.losses.siamese import iou_losses

SEEN = 0.5
"""Score from which a cell counts as one where the teacher sees the target."""


class MapImitation:
    """Compares `cls`, `reg` and, if the networks have it, the presence of the target; implements `Imitation`."""

    def __call__(
        self, outputs: tuple[Tensor, ...], batch: tuple[Tensor, ...], taught: tuple[Tensor, ...], taught_batch: tuple[Tensor, ...]
    ) -> dict[str, Tensor]:
        cls, reg = outputs[:2]
        side, taught_side = batch[1].shape[-1], taught_batch[1].shape[-1]
        score = resampled(taught[0].sigmoid(), taught_side, cls.shape[-1], side)
        distances = resampled(taught[1], taught_side, cls.shape[-1], side) * (side / taught_side)
        losses = {"cls_imitation": score_divergence(cls, score), "iou_imitation": _overlap_loss(reg, distances, score[:, 0])}
        if len(outputs) > 2:
            losses["presence_imitation"] = _divergences(outputs[2], taught[2].sigmoid()).mean()
        return losses


def resampled(maps: Tensor, crop: int, cells: int, crop_of_cells: int) -> Tensor:
    """Read maps at the places of the cells of another grid, by linear interpolation; beyond the outermost cells their value counts.

    Args:
        maps: Maps over crops of `crop` px, shape (B, C, H, H).
        crop: Side of the crops that the maps lie in, px.
        cells: Number of cells along a side of the other grid.
        crop_of_cells: Side of the crops that the other grid lies in, px; both crops show the same place.

    Returns:
        Shape (B, C, cells, cells).
    """
    if (maps.shape[-1], crop) == (cells, crop_of_cells):
        return maps
    line = _places(maps.shape[-1], crop, cells, crop_of_cells, maps.dtype, maps.device)
    y, x = torch.meshgrid(line, line, indexing="ij")
    grid = torch.stack((x, y), dim=-1).expand(len(maps), -1, -1, -1)
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=True)


@lru_cache(maxsize=64)
def _places(own: int, crop: int, cells: int, crop_of_cells: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Where the cells of another grid lie along a side, as grid_sample counts: from -1, the first own cell, to 1, the last.

    They are kept: to copy them to the device in every step would wait for it.
    """
    there = centres(cells, crop_of_cells // cells, crop_of_cells) * (crop / crop_of_cells)
    index = (there - centres(own, crop // own, crop)[0]) / (crop // own)
    return torch.as_tensor(2 * index / max(own - 1, 1) - 1, dtype=dtype, device=device)


def score_divergence(logits: Tensor, score: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence of cells, half of it weighted by the teacher's score and half by the rest.

    Args:
        logits: Logits of the network that learns, any shape.
        score: The teacher's probabilities, same shape.
    """
    weights = 0.5 * score / score.sum().clamp(min=1e-6) + 0.5 * (1 - score) / (1 - score).sum().clamp(min=1e-6)
    return (weights * _divergences(logits, score)).sum()


def _divergences(logits: Tensor, probability: Tensor) -> Tensor:
    own = -(torch.xlogy(probability, probability) + torch.xlogy(1 - probability, 1 - probability))
    return F.binary_cross_entropy_with_logits(logits, probability, reduction="none") - own


def _overlap_loss(reg: Tensor, distances: Tensor, score: Tensor) -> Tensor:
    seen = score * (score > SEEN)
    return (iou_losses(reg, distances) * seen).sum() / seen.sum().clamp(min=1e-6)
