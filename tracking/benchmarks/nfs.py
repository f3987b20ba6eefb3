"""Need for Speed (NfS), at 30 frames a second: 100 videos filmed at 240.

Source: Kiani Galoogahi et al., Need for Speed, ICCV 2017; scored as by pysot-toolkit. As in got10k's toolkit, annotations of all 240
frames a second are thinned out to every eighth, where images are at 30.
"""

from pathlib import Path

import numpy as np

from tracking.benchmarks.benchmark import Truth
from tracking.benchmarks.success_precision import SuccessPrecision
from tracking.files.records import read_bytes
from tracking.images import list_images

_THINNING = 8
"""Frames at 240 a second for one at 30."""


def _own_folder(root: Path) -> dict[str, Truth]:
    """`SEQUENCE/30/SEQUENCE.txt`, with `SEQUENCE/30/SEQUENCE/` for images."""
    return {file.stem: Truth(file.stem, _regions(file)) for file in sorted(root.glob("*/30/*.txt"))}


def _regions(file: Path) -> np.ndarray:
    """Boxes of lines `target left top right bottom frame lost occluded generated "class"`.

    Raises:
        OSError: The file cannot be read.
        ValueError: A line is another one.
    """
    try:
        corners = np.array([line.split()[1:5] for line in read_bytes(file).decode().splitlines() if line.strip()], np.float64).reshape(
            -1, 4
        )
    except ValueError as err:
        raise ValueError(f"lines must be as NfS has them, number, left, top, right, bottom and more, those of {file} are not") from err
    images = len(list_images(file.with_suffix(""))) if file.with_suffix("").is_dir() else 0
    if images and abs(len(corners) / images - _THINNING) < 1:
        corners = corners[::_THINNING]
    if images and abs(len(corners) - images) == 1:
        corners = corners[:images]
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)


NFS = SuccessPrecision("nfs", _own_folder)
