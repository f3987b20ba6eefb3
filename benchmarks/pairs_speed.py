"""Prints how many generated training pairs one core makes in a second, for several sizes of the crops."""

import time

from tracking.generated.synthetic import SyntheticPairs
from tracking.images import cv2

SIZES = ((96, 48), (128, 64), (256, 128))
"""Sides of the search crop and of the template crop, in pixels."""
BATCH = 16


def pairs_per_second(search_size: int, template_size: int, seconds: float = 3.0) -> float:
    """Make batches for some seconds after a warm-up, and return the number of pairs per second."""
    source = SyntheticPairs(template_size, search_size, seed=0)
    source.batch(0, BATCH)
    start, made = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        made += 1
        source.batch(made, BATCH)
    return made * BATCH / (time.perf_counter() - start)


def main() -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    print("| search px | template px | pairs/s, one core |")
    print("|---:|---:|---:|")
    for search_size, template_size in SIZES:
        print(f"| {search_size} | {template_size} | {pairs_per_second(search_size, template_size):.0f} |")


if __name__ == "__main__":
    main()
