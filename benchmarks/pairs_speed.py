"""Prints how many generated training pairs one core makes in a second, for several sizes of the crops, counting its own time only.

python -m benchmarks.pairs_speed [--material runs/material]
"""

import argparse
import time
from pathlib import Path

from tracking.generated.synthetic import SyntheticPairs
from tracking.images import cv2

SIZES = ((96, 48), (128, 64), (160, 80), (256, 128))
"""Sides of the search crop and of the template crop, in pixels."""
BATCH = 16


def pairs_per_second(search_size: int, template_size: int, material: Path | None, seconds: float = 3.0) -> float:
    """Make batches for some seconds after a warm-up, and return the number of pairs per second."""
    source = SyntheticPairs(template_size, search_size, seed=0, material=material)
    source.batch(0, BATCH)
    start, made = time.process_time(), 0
    while time.process_time() - start < seconds:
        made += 1
        source.batch(made, BATCH)
    return made * BATCH / (time.process_time() - start)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", type=Path, help="a material folder; by default the built-in material")
    material = parser.parse_args().material
    cv2.setNumThreads(1)
    print("| search px | template px | pairs/s, one core |")
    print("|---:|---:|---:|")
    for search_size, template_size in SIZES:
        print(f"| {search_size} | {template_size} | {pairs_per_second(search_size, template_size, material):.0f} |")


if __name__ == "__main__":
    main()
