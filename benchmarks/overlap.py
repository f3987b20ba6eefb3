"""AO of trackers on generated clips and on real sequences, both one-pass: a tracker that has lost its target is never helped."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from supernet.catalogue import find_family
from supernet.checkpoints import TrackerCheckpoint
from supernet.deploy.batched_graphs import BatchedGraphs
from supernet.deploy.tune import ao, batched_tracker
from supernet.training.batches import is_generated, material_folder
from tracking.benchmarks.one_pass import can_score, score
from tracking.datasets import folder
from tracking.generated.synthetic import synthetic_dataset
from tracking.sequence import Sequence as Clip
from tracking.trackers import TRACKERS
from tracking.trackers.procedure import follow

CLIPS_SEED = 4_000_000
"""Seed of the first generated clip, which no training, search or tuning sees."""


def generated_clips(count: int, frames: int = 40, data: str = "synthetic", absences: bool = False) -> list[Clip]:
    """Generated clips that only benchmarks use.

    Args:
        count: Number of clips.
        frames: Frames of each.
        data: What networks are trained on. With `synthetic:FOLDER` the clips show the held-out pictures of a material folder.
        absences: Whether targets are away for some of the frames.
    """
    return synthetic_dataset(CLIPS_SEED, count, frames, absences=absences, material=material_folder(data) if is_generated(data) else None)


def real_sequences(root: Path | None) -> list[Clip]:
    """The sequences of a folder; by default of $CHIPTRACK_SHARED/sequences, or none if it is not there. They are for measuring only."""
    found = root or Path(os.environ.get("CHIPTRACK_SHARED", "../shared")) / "sequences"
    return [each for each in folder.load(found).sequences if can_score(each.boxes)] if root or found.is_dir() else []


def ao_on_clips(checkpoint: TrackerCheckpoint, clips: Sequence[Clip]) -> float:
    """Mean AO over clips of equal length."""
    return ao(batched_tracker(checkpoint)(checkpoint.settings), clips)


def ao_of_each(checkpoint: TrackerCheckpoint, sequences: Sequence[Clip]) -> dict[str, float]:
    """AO on sequences of any length, by name."""
    specs = find_family(checkpoint.architecture.family).graphs(checkpoint.architecture, checkpoint.settings)
    tracker = TRACKERS[checkpoint.tracker][1](BatchedGraphs(checkpoint.network, specs, batch=1), checkpoint.settings)
    found = {}
    for sequence in sequences:
        results = follow(tracker, (sequence.image(t) for t in range(len(sequence))), sequence.boxes[0])
        found[sequence.name] = score(np.array([result.box for _, result, _ in results]), sequence.boxes).ao
    return found


def ao_figures(checkpoint: TrackerCheckpoint, clips: Sequence[Clip], sequences: Sequence[Clip]) -> dict[str, object]:
    """`ao_generated`, `ao_real` (the mean over the sequences; None without any) and `each_real`."""
    each = ao_of_each(checkpoint, sequences)
    return {
        "ao_generated": ao_on_clips(checkpoint, clips),
        "ao_real": float(np.mean(list(each.values()))) if each else None,
        "each_real": each,
    }
