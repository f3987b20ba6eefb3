"""OTB-100 and its subsets, one-pass evaluation.

Source: Wu, Lim, Yang, Object Tracking Benchmark, TPAMI 2015; scored as by pysot-toolkit. Annotations and results are 1-based as
distributed.
"""

from pathlib import Path

from tracking.benchmarks.benchmark import Truth
from tracking.benchmarks.reading.texts import read_regions
from tracking.benchmarks.success_precision import SuccessPrecision


def _own_folder(root: Path) -> dict[str, Truth]:
    """`SEQUENCE/groundtruth_rect.txt`, or `groundtruth_rect.N.txt` for each of two targets, named `SEQUENCE-N` as in pysot-toolkit."""
    truths = {}
    for folder in sorted({file.parent for file in root.glob("*/groundtruth_rect*.txt")}):
        files = sorted(folder.glob("groundtruth_rect*.txt"))
        for file in files:
            number = file.stem.removeprefix("groundtruth_rect").lstrip(".")
            name = f"{folder.name}-{number}" if number and len(files) > 1 else folder.name  # of Human4 only target 2 is annotated
            truths[name] = Truth(name, read_regions(file))
    return truths


OTB = SuccessPrecision("otb", _own_folder, origin=1)
