"""Batches of training pairs, as tensors."""

from __future__ import annotations

from collections.abc import Callable

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
    """A torch data set whose item i is batch number i of a pair source, with `count` pairs, as `tensors` returns it."""

    def __init__(self, pairs: PairSource, count: int):
        self.pairs, self.count = pairs, count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        torch.set_num_threads(1)
        return tensors(self.pairs.batch(index, self.count))


def tensors(batch: PairBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Convert a batch to normalised template crops (B, 3, h, h), normalised search crops (B, 3, s, s), and boxes (B, 4) xyxy."""
    templates, searches = (torch.from_numpy(normalise(each)) for each in (batch.templates, batch.searches))
    return templates, searches, torch.from_numpy(batch.boxes)


def pair_source(data: str, settings: Settings, seed: int, tell: Callable[[str], None] = lambda line: None) -> PairSource:
    """Make the source of training pairs that a person named.

    Args:
        data: `synthetic` for generated video, or the name of a data set, a colon and its root, e.g. `otb:/data/OTB100`.
        settings: Settings of the tracking procedure, which give the sizes of the crops.
        seed: Seed of the pairs.
        tell: Takes each line that a person should read about the data, such as what is left out.

    Raises:
        ValueError: The data set is unknown, or a sequence cannot be read or shows no target.
        FileNotFoundError: There is no data set at the root.
    """
    if data == "synthetic":
        return SyntheticPairs(settings.template_size, settings.search_size, seed, settings.context)
    return SequencePairs(annotated(data, tell), settings.template_size, settings.search_size, seed, context_size=settings.context)


def annotated(data: str, tell: Callable[[str], None] = lambda line: None) -> list[Sequence]:
    """Read the annotated sequences of a data set.

    Args:
        data: Name of a data set, a colon and its root, e.g. `otb:/data/OTB100`.
        tell: Takes each line that a person should read about the data, such as what is left out.

    Raises:
        ValueError: The data set is unknown, or a sequence cannot be read.
        FileNotFoundError: There is no data set at the root.
    """
    name, colon, root = data.partition(":")
    if not colon or name not in DATASETS:
        raise ValueError(
            f"data must be synthetic or DATASET:ROOT with DATASET one of {', '.join(DATASETS)}, got {data!r:.80}; write for example folder:/data/mine"
        )
    found = DATASETS[name](root)
    for line in found.words:
        tell(line)
    return found.sequences
