"""Batches of training pairs, as tensors, by number."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.data import Dataset

from supernet.deploy.normalise import normalise
from tracking.datasets import DATASETS
from tracking.generated.synthetic import SyntheticPairs
from tracking.pairs import PairBatch, PairSource, SequencePairs
from tracking.sequence import Sequence
from tracking.trackers import Settings


class PairBatches(Dataset):
    """Batch number i of a pair source: templates (B, 3, h, h), searches (B, 3, s, s), boxes (B, 4)."""

    def __init__(self, pairs: PairSource, count: int):
        self.pairs, self.count = pairs, count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        torch.set_num_threads(1)
        return tensors(self.pairs.batch(index, self.count))


def tensors(batch: PairBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Normalised templates (B, 3, h, h) and searches (B, 3, s, s), and boxes (B, 4)."""
    templates, searches = (torch.from_numpy(normalise(each)) for each in (batch.templates, batch.searches))
    return templates, searches, torch.from_numpy(batch.boxes)


def pair_source(data: str, settings: Settings, seed: int) -> PairSource:
    """Training pairs of a data set.

    Args:
        data: `synthetic`, or the name of a data set, a colon and its root.
        settings: Of the tracking procedure; say the sizes of the crops.
        seed: Of the pairs.

    Raises:
        ValueError: The data set is unknown.
    """
    if data == "synthetic":
        return SyntheticPairs(settings.template_size, settings.search_size, seed)
    return SequencePairs(annotated(data), settings.template_size, settings.search_size, seed)


def annotated(data: str) -> list[Sequence]:
    """The sequences of a data set.

    Args:
        data: The name of a data set, a colon and its root.

    Raises:
        ValueError: The data set is unknown.
        FileNotFoundError: There is none at the root.
    """
    name, colon, root = data.partition(":")
    if not colon or name not in DATASETS:
        raise ValueError(f"data must be synthetic or DATASET:ROOT with DATASET one of {', '.join(DATASETS)}, got {data!r}")
    return DATASETS[name](root)
