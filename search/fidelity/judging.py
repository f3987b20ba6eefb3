"""Judges a network, inherited or trained alone, on fixed pairs; both kinds are judged on the same ones, as a search judges candidates."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from search.judging.fixed_pairs import FixedPairs, groups_of
from search.judging.pairs import PairJudge
from search.judging.validation import Validation
from supernet.families.family import Family
from supernet.space import Architecture
from supernet.training.batches import resized, tensors
from supernet.training.calibrate import calibrate

METRICS = ("fit", "iou", "presence")
"""Metrics of `search.judging.pairs` by which networks can be compared; the higher the better."""


class PairScore:
    """One metric of networks of a family on pairs that no training sees.

    Args:
        family: The family of the networks.
        data: Source of the pairs, as `pair_source` takes it.
        pairs: Number of pairs, a multiple of 32.
        metric: One of `METRICS`.
        device: Torch device that runs the networks.
        folder: Folder that keeps the pairs.
    """

    def __init__(self, family: Family, data: str, pairs: int, metric: str, device: str, folder: Path):
        validation = Validation(data, frames=2)
        self._family, self._metric, self._device = family, metric, device
        self._judge = PairJudge(family, FixedPairs(validation, family, folder), device)
        self._numbers = groups_of(pairs)[0]
        self._calibration = tensors(validation.pairs(family.settings, 0))

    def __call__(self, network: nn.Module, arch: Architecture) -> float:
        """Judge a network of an architecture; its BatchNorms are calibrated, and it is left on the judge's device in eval mode."""
        network.to(self._device)
        batch = resized(self._calibration, self._family.settings, self._family.settings_of(arch))
        calibrate(network, *(crops.to(self._device) for crops in batch[:2]))
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        scores = self._judge(network, arch, self._numbers)[self._metric]
        return sum(scores) / len(scores)
