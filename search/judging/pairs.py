"""Judges a network on fixed pairs: overlap with the target, training loss, and whether presence is told from absence.

All candidates see the same pairs, so that two of them are compared pair by pair. Each pair is a case of its own, whereas the frames of a
clip hang together and one early failure decides them all; so pairs tell candidates apart with far less computing than clips do.

Two overlaps are told. `iou` is that of the box at the best cell, as a tracker would take it. `overlap` is the mean over all cells, weighted
by the softmax of their scores: the overlap that is expected of a cell drawn by its score. It counts how sure a network is of the best cell,
and does not jump where two cells are nearly as good; so fewer pairs rank candidates as reliably. Worked example: cells with overlap 0.8 and
0.2 and scores of 2 and 1. The best cell has 0.8; the softmax is 0.73 and 0.27, so 0.64 is expected. Both are shares of 1, and comparable
between networks whatever the stride and the size of their crops, which losses are not.

Source of ranking by losses: third place of the Challenge on width search, CVPR 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from search.judging.fixed_pairs import GROUP, FixedPairs
from supernet.families.family import Family
from supernet.space import Architecture
from supernet.training.batches import resized, tensors
from tracking.grid import centres

_GROUPS = 2
"""Number of groups that run as one batch: larger batches leave the CPU's caches."""


class PairJudge:
    """Judges networks of a siamese family on fixed pairs.

    Args:
        family: The family of the networks.
        pairs: The pairs.
        device: Where torch runs networks: cpu or a CUDA device.
    """

    def __init__(self, family: Family, pairs: FixedPairs, device: str = "cpu"):
        self._family = family
        self._pairs = pairs
        self._device = device
        self._loss = family.loss()
        # where a CPU multiplies matrices of 16 bits, they save up to half of the time; scores change by a tenth of their noise
        self._in_16_bits = device == "cpu" and bool(torch.cpu.get_capabilities().get("amx_bf16"))

    @torch.inference_mode()
    def __call__(self, network: nn.Module, arch: Architecture, numbers: range) -> dict[str, tuple[float, ...]]:
        """Judge a network.

        Args:
            network: The network, in eval mode, on the judge's device.
            arch: Its architecture.
            numbers: Numbers of the groups of pairs.

        Returns:
            By kind of metric, a score for each group, in order: `overlap` and `iou`, means over the pairs that show the target; `loss`,
            the training loss; and, if the network has a presence output and some pair does not show the target, `presence`, the area
            under the ROC curve of that output.
        """
        losses, overlaps, presences, truths = [], [], [], []
        for pairs in self._pairs.batches(numbers, _GROUPS):
            batch = resized(tuple(part.to(self._device) for part in tensors(pairs)), self._family.settings, self._family.settings_of(arch))
            templates, searches, boxes, present = batch
            with torch.autocast("cpu", torch.bfloat16, enabled=self._in_16_bits):
                answers = network(*(crops.contiguous(memory_format=torch.channels_last) for crops in (templates, searches)))
            outputs = [answer.float() for answer in answers]
            truths.append(present.cpu().numpy())
            if len(outputs) > 2:
                presences.append(outputs[2].flatten().cpu().numpy())
            overlaps.append(_overlaps(outputs[0], outputs[1], boxes, searches.shape[-1]))
            losses += [self._loss_of(outputs, batch, first) for first in range(0, len(boxes), GROUP)]
        truth = _groups(truths)
        scores = {
            kind: _filled([group[seen].mean() if seen.any() else np.nan for group, seen in zip(_groups(each), truth, strict=True)])
            for kind, each in zip(("overlap", "iou"), zip(*overlaps, strict=True), strict=True)
        }
        scores["loss"] = np.array(losses)
        if presences and not truth.all():
            scores["presence"] = _filled([roc_auc(group, seen) for group, seen in zip(_groups(presences), truth, strict=True)])
        return {kind: tuple(round(float(value), 6) for value in values) for kind, values in scores.items()}  # the study keeps every digit

    def _loss_of(self, outputs: Sequence[Tensor], batch: tuple[Tensor, ...], first: int) -> float:
        """The training loss of the group of pairs that begins at `first`, from the network's outputs for a larger batch."""
        group = slice(first, first + GROUP)

        def answer(*inputs: Tensor) -> tuple[Tensor, ...]:
            return tuple(output[group] for output in outputs)

        module: Any = answer  # a loss calls the module that it is given, and nothing else
        return float(sum(self._loss(module, tuple(part[group] for part in batch)).values()))


def _groups(parts: Sequence[np.ndarray]) -> np.ndarray:
    """(G, GROUP) values of G groups, from those of batches."""
    return np.concatenate(parts).reshape(-1, GROUP)


def _overlaps(cls: Tensor, reg: Tensor, boxes: Tensor, search_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Two IoUs (B,) with the true boxes (B, 4) xyxy: the one that is expected of a cell drawn by its score, and that of the best cell."""
    cells = cls.shape[-1]
    grid = torch.as_tensor(centres(cells, search_size // cells, search_size), dtype=reg.dtype, device=reg.device)
    left, top, right, bottom = grid - reg[:, 0], grid[:, None] - reg[:, 1], grid + reg[:, 2], grid[:, None] + reg[:, 3]
    x0, y0, x1, y1 = (side[:, None, None] for side in boxes.unbind(dim=1))
    shared = _area(torch.maximum(left, x0), torch.maximum(top, y0), torch.minimum(right, x1), torch.minimum(bottom, y1))
    union = _area(left, top, right, bottom) + _area(x0, y0, x1, y1) - shared
    overlap, scores = (shared / union.clamp(min=1e-9)).flatten(1), cls.flatten(1)
    best = overlap.gather(1, scores.argmax(dim=1, keepdim=True))[:, 0]
    return (scores.softmax(dim=1) * overlap).sum(dim=1).cpu().numpy(), best.cpu().numpy()


def _area(left: Tensor, top: Tensor, right: Tensor, bottom: Tensor) -> Tensor:
    return (right - left).clamp(min=0) * (bottom - top).clamp(min=0)


def roc_auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Area under the ROC curve: the share of pairs of a positive and a negative example in which the positive has the higher score.

    Args:
        scores: (N,) scores.
        truth: (N,) whether each example is positive.

    Returns:
        From 0 to 1, equal scores count half; NaN if all examples are positive or all are negative.

    >>> roc_auc(np.array([3.0, 1.0, 2.0]), np.array([True, True, False]))
    0.5
    """
    positives = int(truth.sum())
    pairs = positives * (len(truth) - positives)
    if not pairs:
        return float("nan")
    return float((rankdata(scores)[truth].sum() - positives * (positives + 1) / 2) / pairs)


def _filled(values: Sequence[float]) -> np.ndarray:
    """Values in which NaN, of a group that says nothing, is replaced by the mean of the others."""
    found = np.array(values, float)
    return np.where(np.isnan(found), np.nanmean(found), found)
