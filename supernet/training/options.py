"""Options that the verbs `train` and `retrain` share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from supernet.checkpoints import read_header
from supernet.deploy.torch_graphs import check_device
from supernet.families.family import Family
from supernet.training.batches import pair_source
from supernet.training.fit import Run, finish, log_path
from supernet.training.recipe import Recipe
from tracking.files.guard import Reads, Writes
from tracking.files.progress import say
from tracking.kept_pairs import KeptPairs, keep
from tracking.pairs import PairSource
from tracking.sequence import find_sequences

KEPT_SEED = 500_000
"""Seed of the pairs that are kept."""


def data_root(data: str) -> list[Path]:
    """The folder that training data or validation sequences are read from, none for generated video."""
    _, colon, root = data.partition(":")
    return [Path(root)] if colon else []


def data_sequences(data: str) -> list[Path]:
    """The sequence folders that training data or validation sequences are read from."""
    return [folder for root in data_root(data) for folder in find_sequences(root)]


def training_files(out: Path) -> list[Path]:
    """The files that a training writes: the checkpoint, its state and its log."""
    state = out.with_name(out.name + ".part")
    return [out, state, log_path(state)]


@dataclass(frozen=True)
class TrainingOptions:
    """Data, length and device of a training."""

    data: Annotated[str, Reads(data_root, beside=True), Reads(data_sequences)] = "synthetic"
    """Training data: synthetic (generated video), or DATASET:ROOT for sequences, e.g. otb:/data/OTB100 or folder:/data/mine."""
    steps: int | None = None
    """Number of optimiser steps; by default that of the family's recipe."""
    batch: int | None = None
    """Number of pairs in each step; by default that of the family's recipe."""
    lr: float | None = None
    """Peak learning rate; by default that of the family's recipe."""
    device: str = "cpu"
    """Torch device that trains: cpu, cuda or cuda:N."""
    loaders: int = 1
    """Number of processes that make batches; with 0 the training process makes them."""
    kept: Annotated[Path | None, Writes(folder=True)] = None
    """Folder in which pairs are kept that are rendered once, for several trainings; without it every training renders its own."""
    pairs: int = 100_000
    """Number of pairs in that folder; when all have been seen, they are seen again, mirrored and in another order."""
    resume: bool = False
    """Go on with an interrupted training."""

    def check(self, out: Path, seed: int) -> None:
        """Check, before any work is done, that a training can begin.

        Args:
            out: The checkpoint that the training is to write.
            seed: Seed of the training.

        Raises:
            FileExistsError: The checkpoint exists and the training is not resumed.
            ValueError: The seed, the number of loaders or the device is out of range.
        """
        if out.exists() and not self.resume:
            raise FileExistsError(f"a checkpoint is never overwritten, {out} exists; remove it or choose another --out")
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, got {seed}; choose another --seed")
        if self.loaders < 0:
            raise ValueError(f"loaders must be 0 or more, got {self.loaders}; 1 is usual, with 0 the training makes its batches itself")
        check_device(self.device)

    def is_complete(self, out: Path, kind: str, made: Mapping[str, object]) -> bool:
        """Whether a training that is resumed has written its checkpoint already, as one that was killed at its very end has.

        Args:
            out: The checkpoint.
            kind: Kind of the checkpoint: supernet or tracker.
            made: What the header of the checkpoint of this training holds, by name.

        Raises:
            FileExistsError: There is the checkpoint of another training.
            ValueError: There is something else.
        """
        if not out.exists():
            return False
        header = read_header(out, kind)
        differ = [name for name, value in made.items() if header.get(name) != json.loads(json.dumps(value))]
        if differ:
            raise FileExistsError(
                f"a checkpoint is never overwritten, {out} is of another training ({', '.join(differ)} differ); choose another --out"
            )
        finish(self.run(out, "", {}).state)
        say(f"{out} is complete")
        return True

    def pairs_of(self, family: Family, seed: int) -> PairSource:
        """The pairs that a training of a family sees, at the sizes of the family's settings; what is left out of the data is told.

        Args:
            family: The family.
            seed: Seed of the training.
        """
        if self.kept is None:
            return pair_source(self.data, family.settings, seed, say, family.negatives)
        if self.pairs < 1:
            raise ValueError(f"pairs must be at least 1, got {self.pairs}; leave --pairs out for 100,000")
        source = pair_source(self.data, family.settings, KEPT_SEED, say, family.negatives)
        keep(source, self.kept, self.pairs, {"data": self.data, "negatives": family.negatives, "seed": KEPT_SEED})
        return KeptPairs(self.kept, seed)

    def recipe(self, usual: Recipe) -> Recipe:
        """The family's recipe, changed by the options that were given."""
        return usual.changed(self.steps, self.batch, self.lr)

    def run(self, out: Path, label: str, origin: Mapping[str, object]) -> Run:
        """Where a training runs and keeps its state, if its result is the checkpoint `out`.

        Args:
            out: The checkpoint; the state is `<out>.part` beside it.
            label: What the display of progress calls the training.
            origin: What determines the training besides recipe and data, such as the seed, by name.
        """
        return Run(out.with_name(out.name + ".part"), {"data": self.data, **origin}, self.resume, self.device, self.loaders, label)
