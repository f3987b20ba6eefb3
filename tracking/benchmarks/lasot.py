"""LaSOT: long videos, in which the target is out of sight now and then.

Source: Fan et al., LaSOT, CVPR 2019. Frames without the target are no hits, but stay in the number of frames that is divided by (rule
P4), in the benchmark's own toolkit and in pysot-toolkit alike; surplus rows of results are cut. Annotations and results are 1-based.
"""

from pathlib import Path

from tracking.benchmarks.benchmark import Truth
from tracking.benchmarks.reading.names import some
from tracking.benchmarks.reading.texts import read_flags, read_list, read_regions
from tracking.benchmarks.success_precision import SuccessPrecision


def _own_folder(root: Path) -> dict[str, Truth]:
    """`CLASS/SEQUENCE/groundtruth.txt` with `full_occlusion.txt` and `out_of_view.txt`; of `testing_set.txt` if it is there."""
    chosen = read_list(root / "testing_set.txt")
    folders = {file.parent.name: file.parent for file in (*root.glob("*/*/groundtruth.txt"), *root.glob("*/groundtruth.txt"))}
    missing = [name for name in chosen if name not in folders]
    if folders and missing:
        raise ValueError(f"every sequence of testing_set.txt must be in {root}, {some(missing)} is not; mend the list")
    truths = {}
    for name in (chosen if folders else ()) or sorted(folders):
        regions = read_regions(folders[name] / "groundtruth.txt")
        marks = [read_flags(folders[name] / file, len(regions)) for file in ("full_occlusion.txt", "out_of_view.txt")]
        found = [mark for mark in marks if mark is not None]
        truths[name] = Truth(name, regions, sum(found[1:], found[0]) if found else None)
    return truths


LASOT = SuccessPrecision("lasot", _own_folder, origin=1, drops_absent=True, cuts_surplus=True)
