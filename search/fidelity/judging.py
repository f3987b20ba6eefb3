"""Judges a network, inherited or trained alone, by its mean loss on fixed pairs; both kinds are judged on the same ones."""

from __future__ import annotations

import torch
from torch import nn

from search.judging.validation import SEARCH_SEED
from supernet.families.family import Family
from supernet.space import Architecture
from supernet.training.batches import pair_source, resized, tensors
from supernet.training.calibrate import calibrate
from tracking.pairs import PairBatch

_BATCH = 64
"""Number of pairs that a network sees at once, and that set the statistics of its BatchNorms before."""


class PairLoss:
    """The training loss of networks of a family on pairs that no training sees.

    Args:
        family: The family of the networks.
        data: Source of the pairs, as `pair_source` takes it.
        pairs: Number of pairs, rounded up to whole batches.
        device: Torch device that runs the networks.
    """

    def __init__(self, family: Family, data: str, pairs: int, device: str):
        source = pair_source(data, family.settings, SEARCH_SEED, negatives=family.negatives)
        self._calibration, *self._batches = (source.batch(i, _BATCH) for i in range(1 + -(-pairs // _BATCH)))
        self._family, self._device, self._loss = family, device, family.loss()

    def __call__(self, network: nn.Module, arch: Architecture) -> float:
        """Judge a network of an architecture; its BatchNorms are calibrated, and it is left on the judge's device in eval mode."""
        network.to(self._device)
        calibrate(network, *self._seen(self._calibration, arch)[:2])
        with torch.inference_mode():
            found = [self._loss(network, self._seen(batch, arch)) for batch in self._batches]
        return sum(float(loss) for losses in found for loss in losses.values()) / len(found)

    def _seen(self, batch: PairBatch, arch: Architecture) -> tuple[torch.Tensor, ...]:
        """The batch as an architecture sees it. Batches are kept as bytes, a quarter of the memory of the tensors."""
        moved = tuple(part.to(self._device) for part in tensors(batch))
        return resized(moved, self._family.settings, self._family.settings_of(arch))
