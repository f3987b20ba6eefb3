"""DTB70: 70 videos from drones.

Source: Li and Yeung, Visual Object Tracking for Unmanned Aerial Vehicles, AAAI 2017; scored as by pysot-toolkit. Car6 marks 19 frames
without the target by [0, 0, 0, 0], which count as precise (rule P3).
"""

from pathlib import Path

from tracking.benchmarks.benchmark import Truth
from tracking.benchmarks.reading.texts import read_regions
from tracking.benchmarks.success_precision import SuccessPrecision


def _own_folder(root: Path) -> dict[str, Truth]:
    """`SEQUENCE/groundtruth_rect.txt`."""
    return {file.parent.name: Truth(file.parent.name, read_regions(file)) for file in sorted(root.glob("*/groundtruth_rect.txt"))}


DTB70 = SuccessPrecision("dtb70", _own_folder)
