"""Batches of training pairs, as tensors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from supernet.deploy.normalise import normalise
from tracking.datasets import DATASETS
from tracking.generated.synthetic import SyntheticPairs
from tracking.pairs import PairBatch, PairSource, SequencePairs
from tracking.sequence import Sequence
from tracking.trackers import Settings


class PairBatches(Dataset):
    """A torch data set whose item i is batch number i of a pair source, with `count` pairs, as `tensors` returns it.

    `prepare` is applied to each batch, e.g. to resize its crops; it must survive pickling.
    """

    def __init__(self, pairs: PairSource, count: int, prepare: Callable[[tuple[Tensor, ...]], tuple[Tensor, ...]] = tuple):
        self.pairs, self.count, self.prepare = pairs, count, prepare

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        torch.set_num_threads(1)
        return self.prepare(tensors(self.pairs.batch(index, self.count)))


def tensors(batch: PairBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Convert a batch to tensors.

    Returns:
        Normalised template crops (B, 3, h, h), normalised search crops (B, 3, s, s), boxes (B, 4) xyxy in px of the search crops, and
        (B,) whether the search crop shows the target.
    """
    templates, searches = (torch.from_numpy(normalise(each)) for each in (batch.templates, batch.searches))
    return templates, searches, torch.from_numpy(batch.boxes), torch.from_numpy(batch.present)


def resized(batch: tuple[Tensor, ...], rendered: Settings, wanted: Settings) -> tuple[Tensor, ...]:
    """Resample the crops of a batch to other sizes, as if they had been cut from the frames at these sizes.

    Args:
        batch: Templates, searches, boxes and whether the target is present, as `tensors` returns them.
        rendered: Settings that say the sizes of the crops in the batch.
        wanted: Settings that say the sizes that an architecture takes.
    """
    templates, searches, boxes, present = batch
    zoom = wanted.search_size / rendered.search_size
    if zoom == 1 and wanted.template_size == rendered.template_size:
        return batch
    size = wanted.search_size
    searches = searches if zoom == 1 else F.interpolate(searches, size=(size, size), mode="bilinear", align_corners=False)
    return (*map(_like(templates), (_middle(templates, zoom, wanted.template_size), searches)), boxes * zoom, present)


def _like(crops: Tensor) -> Callable[[Tensor], Tensor]:
    """A function that stores crops in memory as these are: channels last or first."""
    last = crops.is_contiguous(memory_format=torch.channels_last)
    return lambda tensor: tensor.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def _middle(crops: Tensor, zoom: float, size: int) -> Tensor:
    """The middle of crops (B, 3, h, h), scaled by `zoom`: (B, 3, size, size); rims are repeated where the crops end."""
    share = size / zoom / crops.shape[-1]
    theta = torch.tensor([[[share, 0.0, 0.0], [0.0, share, 0.0]]], device=crops.device).expand(len(crops), -1, -1)
    grid = F.affine_grid(theta, [len(crops), 3, size, size], align_corners=False)
    return F.grid_sample(crops, grid, mode="bilinear", padding_mode="border", align_corners=False)


def pair_source(
    data: str, settings: Settings, seed: int, tell: Callable[[str], None] = lambda line: None, negatives: float = 0.0
) -> PairSource:
    """Make the source of training pairs that a person named.

    Args:
        data: `synthetic` for generated video, or the name of a data set, a colon and its root, e.g. `otb:/data/OTB100`.
        settings: Settings of the tracking procedure, which give the sizes of the crops.
        seed: Seed of the pairs.
        tell: Takes each line that a person should read about the data, such as what is left out.
        negatives: Share of pairs whose search crop does not show the target, 0 to 1.

    Raises:
        ValueError: The data set is unknown, or a sequence cannot be read or shows no target.
        FileNotFoundError: There is no data set at the root.
    """
    if data == "synthetic":
        return SyntheticPairs(settings.template_size, settings.search_size, seed, settings.context)
    return SequencePairs(
        annotated(data, tell), settings.template_size, settings.search_size, seed, context_size=settings.context, negatives=negatives
    )


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
