"""OTB-100 (and its subsets CVPR13 and OTB-50), as published: a folder for each video, with `groundtruth_rect.txt` of origin 1.

Source: Wu, Lim, Yang: Object Tracking Benchmark, TPAMI 2015. Some videos are annotated on a part of their frames only;
their ranges of frames are those of the benchmark's own list (tracker_benchmark_v1.0, util/configSeqs.m). Videos with two targets
hold `groundtruth_rect.1.txt` and `groundtruth_rect.2.txt` and become two sequences, Jogging.1 and Jogging.2.
"""

import re
from pathlib import Path

from tracking.datasets.data_set import DataSet, read_each
from tracking.files.annotations import Rows, read_rows
from tracking.sequence import Sequence, make_sequence, sequence_frames

ANNOTATED = {
    "BlurCar1": (247, 988),
    "BlurCar3": (3, 359),
    "BlurCar4": (18, 397),
    "David": (300, 770),
    "Diving": (1, 215),
    "Football1": (1, 74),
    "Freeman3": (1, 460),
    "Freeman4": (1, 283),
}
"""First and last annotated frame of each video that is annotated in part, as the numbers in the names of the images."""


def load(root: Path | str) -> DataSet:
    """Read OTB's folders.

    Args:
        root: Folder that holds one folder for each video, with `img/` and `groundtruth_rect*.txt`.

    Returns:
        One sequence for each target, with 0-based boxes.

    Raises:
        FileNotFoundError: There is no such folder, no OTB sequence in it, or no image in a sequence.
        ValueError: No sequence can be read; the error names the file of the first.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"the root of OTB must be a folder, {root} is none; check the path")
    annotations = list(root.glob("*/groundtruth_rect*.txt"))
    if not annotations:
        raise FileNotFoundError(f"OTB must hold folders NAME/img/ with NAME/groundtruth_rect.txt, {root} holds none; check the path")
    return read_each(annotations, _load)


def _load(annotation: Path) -> Sequence:
    folder = annotation.parent
    target = annotation.name.removeprefix("groundtruth_rect").removesuffix("txt").rstrip(".")
    frames = sequence_frames(folder)
    rows = read_rows(annotation)
    if folder.name in ANNOTATED and len(frames) > len(rows.boxes):
        first, last = ANNOTATED[folder.name]
        frames = tuple(path for path in frames if first <= _number(path) <= last)
    return make_sequence(folder.name + target, frames, Rows(rows.boxes - [1, 1, 0, 0], rows.numbers), annotation)


def _number(path: Path) -> int:
    digits = re.findall(r"\d+", path.stem)
    return int(digits[-1]) if digits else 0
