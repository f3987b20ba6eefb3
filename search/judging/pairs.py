"""Judges a network on fixed pairs: training loss, overlap with the target, and whether presence is told from absence.

All candidates see the same pairs, so that two of them are compared pair by pair. Each pair is a case of its own, whereas the frames of a
clip hang together and one early failure decides them all; so pairs tell candidates apart with far less computing than clips do.

`fit` is exp(-loss), a share of 1 as overlaps are: the geometric mean of what the network gives to the truth, in probability and in overlap.
Worked example: a loss of 0.65 is a fit of 0.52. Networks of a supernet are ranked by the loss more reliably than by the overlap of the
box at the best cell (`iou`), which jumps where two cells are nearly as good, and they agree better with AO on clips
(`benchmarks/judge_reliability.py`).

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
            By kind of metric, a score for each group, in order: `loss`, the training loss; `fit`, exp(-loss); `iou`, the mean overlap of
            the boxes at the best cells of the pairs that show the target; and, if the network has a presence output and some pair does
            not show the target, `presence`, the area under the ROC curve of that output.
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
            "loss": np.array(losses),
            "fit": np.exp(-np.array(losses)),
            "iou": _filled([group[seen].mean() if seen.any() else np.nan for group, seen in zip(_groups(overlaps), truth, strict=True)]),
        }
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


def _overlaps(cls: Tensor, reg: Tensor, boxes: Tensor, search_size: int) -> np.ndarray:
    """(B,) IoU of the true boxes (B, 4) xyxy with the predicted ones at the cells with the highest score."""
    cells = cls.shape[-1]
    best = cls.flatten(1).argmax(dim=1)
    grid = torch.as_tensor(centres(cells, search_size // cells, search_size), dtype=reg.dtype, device=reg.device)
    middle = torch.stack([grid[best % cells], grid[best // cells]], dim=1)
    sides = reg.flatten(2)[torch.arange(len(best), device=cls.device), :, best]
    low, high = middle - sides[:, :2], middle + sides[:, 2:]
    shared = _area(torch.maximum(low, boxes[:, :2]), torch.minimum(high, boxes[:, 2:]))
    union = _area(low, high) + _area(boxes[:, :2], boxes[:, 2:]) - shared
    return (shared / union.clamp(min=1e-9)).cpu().numpy()


def _area(low: Tensor, high: Tensor) -> Tensor:
    return (high - low).clamp(min=0).prod(dim=1)


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
