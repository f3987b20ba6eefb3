"""What `train` and `retrain` let a person say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from supernet.training.fit import Run
from supernet.training.recipe import Recipe
from tracking.files.atomic import check_target


@dataclass(frozen=True)
class TrainingOptions:
    """Data, length and place of a training."""

    data: str = "synthetic"
    """synthetic (generated video), or DATASET:ROOT with a data set of sequences, e.g. otb:/data/OTB100 or folder:/data/mine."""
    steps: int | None = None
    """Optimiser steps; by default the family's recipe."""
    batch: int | None = None
    """Pairs a step; by default the family's recipe."""
    lr: float | None = None
    """Peak learning rate; by default the family's recipe."""
    device: str = "cpu"
    """Where torch trains: cpu, cuda or cuda:N."""
    loaders: int = 1
    """Processes that make batches."""
    resume: bool = False
    """Go on with an interrupted training."""

    def recipe(self, usual: Recipe) -> Recipe:
        """A family's recipe with what was said."""
        return usual.changed(self.steps, self.batch, self.lr)

    def run(self, out: Path, label: str, **origin: object) -> Run:
        """Where a training for a checkpoint runs and is kept.

        Args:
            out: The checkpoint.
            label: Shown with the progress.
            origin: What else decides the steps that are taken.
        """
        return Run(out.with_name(out.name + ".part"), {"data": self.data, **origin}, self.resume, self.device, self.loaders, label)


def refuse_existing(out: Path) -> None:
    """Refuse a checkpoint that exists or cannot be written.

    Raises:
        OSError: It is so.
    """
    if out.exists():
        raise FileExistsError(f"a checkpoint is never overwritten, {out} exists; remove it or choose another --out")
    check_target(out)
