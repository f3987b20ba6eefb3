"""UAV123, at 30 or at 10 frames a second, and UAV20L: videos from drones.

Source: Mueller, Smith, Ghanem, A Benchmark and Simulator for UAV Tracking, ECCV 2016; scored as by pysot-toolkit: frames without a true
box (NaN) are a miss for success and precise (rule P3). Annotations and results are 1-based.
"""

from pathlib import Path

from tracking.benchmarks.benchmark import Truth
from tracking.benchmarks.reading.texts import read_folder
from tracking.benchmarks.success_precision import SuccessPrecision


def _own_folder(root: Path) -> dict[str, Truth]:
    """`anno/UAV123/SEQUENCE.txt`, or that of the other set if it is there alone."""
    sets = [root / "anno" / name for name in ("UAV123", "UAV123_10fps", "UAV20L") if (root / "anno" / name).is_dir()]
    return read_folder(sets[0]) if sets else {}


UAV123 = SuccessPrecision("uav123", _own_folder, origin=1)
