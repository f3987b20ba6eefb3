"""AO of trackers that differ in the constants of their tracking loop: on generated clips that no tuning has seen, and on a data set.

For each checkpoint one row; e.g. one checkpoint as it was trained and the one that `chiptrack tune` made of it. The data set is for measuring
only: constants are never chosen on it.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from supernet.catalogue import find_family
from supernet.checkpoints import load_tracker
from supernet.deploy.batched_graphs import BatchedGraphs
from supernet.deploy.tune import ao, batched_tracker, tunable
from tracking.benchmarks.one_pass import score
from tracking.datasets import DATASETS
from tracking.generated.synthetic import synthetic_dataset
from tracking.images import cv2
from tracking.sequence import Sequence
from tracking.trackers import TRACKERS
from tracking.trackers.procedure import follow

CLIPS_SEED = 4_000_000
cv2.setNumThreads(1)


def ao_of_one(path: Path, sequences: list[Sequence]) -> list[float]:
    """AO of a checkpoint's tracker on sequences of any length, one after the other."""
    checkpoint = load_tracker(path)
    graphs = BatchedGraphs(
        checkpoint.network, find_family(checkpoint.architecture.family).graphs(checkpoint.architecture, checkpoint.settings), batch=1
    )
    tracker = TRACKERS[checkpoint.tracker][1](graphs, checkpoint.settings)
    found = []
    for sequence in sequences:
        results = follow(tracker, (sequence.image(t) for t in range(len(sequence))), sequence.boxes[0])
        found.append(score(np.array([result.box for _, result, _ in results]), sequence.boxes).ao)
    return found


def main() -> None:
    """Print a table with one row a checkpoint."""
    parser = argparse.ArgumentParser(description="AO of trackers that differ in the constants of their tracking loop.")
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--clips", type=int, default=48, help="number of generated clips of 40 frames")
    parser.add_argument("--dataset", default="folder", choices=DATASETS)
    parser.add_argument("--root", type=Path, help="root of a data set to measure on as well")
    given = parser.parse_args()
    clips = synthetic_dataset(CLIPS_SEED, given.clips)
    sequences = DATASETS[given.dataset](given.root).sequences if given.root else []
    print(
        f"| checkpoint | constants | AO, {given.clips} generated clips |",
        *(f"{each.name} |" for each in sequences),
        "mean |" if sequences else "",
    )
    print("|---|---|--:|" + "--:|" * (len(sequences) + bool(sequences)))
    for path in given.checkpoints:
        checkpoint = load_tracker(path)
        constants = ", ".join(f"{name} {getattr(checkpoint.settings, name):g}" for name in tunable(checkpoint.settings))
        generated = ao(batched_tracker(checkpoint)(checkpoint.settings), clips)
        real = ao_of_one(path, sequences)
        cells = [f"{value:.3f} |" for value in (*real, *([float(np.mean(real))] if real else []))]
        print(f"| {path.name} | {constants} | {generated:.3f} |", *cells, flush=True)


if __name__ == "__main__":
    main()
