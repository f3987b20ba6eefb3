"""TrackingNet: half a minute of each of 511 videos; the truth of its test set is on its server alone, but for the first box.

Source: Müller et al., TrackingNet, ECCV 2018. Success and precision as by pysot-toolkit. The paper ranks by the area under the curve of
normalised precision up to .5, which is told beside the value at .20 of the other benchmarks.
"""

from pathlib import Path

from tracking.benchmarks.benchmark import Truth
from tracking.benchmarks.reading.texts import read_folder
from tracking.benchmarks.reading.writing import write_trackingnet
from tracking.benchmarks.success_precision import SuccessPrecision


def _own_folder(root: Path) -> dict[str, Truth]:
    """`TEST/anno/SEQUENCE.txt`, or `anno/SEQUENCE.txt` of one part of the training set."""
    folder = next((each for each in (root / "TEST/anno", root / "anno") if each.is_dir()), None)
    return read_folder(folder) if folder else {}


TRACKINGNET = SuccessPrecision("trackingnet", _own_folder, writer=write_trackingnet, area_normalised=True)
