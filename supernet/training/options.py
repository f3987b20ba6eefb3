"""Options that the verbs `train` and `retrain` share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from supernet.training.fit import Run
from supernet.training.recipe import Recipe
from tracking.files.atomic import check_target


@dataclass(frozen=True)
class TrainingOptions:
    """Data, length and device of a training."""

    data: str = "synthetic"
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
    resume: bool = False
    """Go on with an interrupted training."""

    def recipe(self, usual: Recipe) -> Recipe:
        """The family's recipe, changed by the options that were given."""
        return usual.changed(self.steps, self.batch, self.lr)

    def run(self, out: Path, label: str, **origin: object) -> Run:
        """Where a training runs and keeps its state, if its result is the checkpoint `out`.

        Args:
            out: The checkpoint; the state is `<out>.part` beside it.
            label: What the display of progress calls the training.
            origin: What determines the training besides recipe and data, by name.
        """
        return Run(out.with_name(out.name + ".part"), {"data": self.data, **origin}, self.resume, self.device, self.loaders, label)


def refuse_existing(out: Path) -> None:
    """Check that a checkpoint does not exist yet and can be written.

    Raises:
        OSError: The checkpoint exists, or no file can be made there.
    """
    if out.exists():
        raise FileExistsError(f"a checkpoint is never overwritten, {out} exists; remove it or choose another --out")
    check_target(out)
