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

from benchmarks.overlap import ao_of_each, ao_on_clips, generated_clips
from supernet.checkpoints import load_tracker
from supernet.deploy.tune import tunable
from tracking.datasets import DATASETS
from tracking.images import cv2

cv2.setNumThreads(1)


def main() -> None:
    """Print a table with one row a checkpoint."""
    parser = argparse.ArgumentParser(description="AO of trackers that differ in the constants of their tracking loop.")
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--clips", type=int, default=48, help="number of generated clips of 40 frames")
    parser.add_argument("--dataset", default="folder", choices=DATASETS)
    parser.add_argument("--root", type=Path, help="root of a data set to measure on as well")
    given = parser.parse_args()
    clips = generated_clips(given.clips)
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
        generated = ao_on_clips(checkpoint, clips)
        real = list(ao_of_each(checkpoint, sequences).values())
        cells = [f"{value:.3f} |" for value in (*real, *([float(np.mean(real))] if real else []))]
        print(f"| {path.name} | {constants} | {generated:.3f} |", *cells, flush=True)


if __name__ == "__main__":
    main()
