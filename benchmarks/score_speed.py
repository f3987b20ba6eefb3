"""Seconds and memory that scoring takes: 1,000 sequences of 1,000 frames of a one-pass benchmark, from text files on disk, by the command line.

    python -m benchmarks.score_speed [--sequences 1000] [--frames 1000] [--json]

Annotations are written once as a folder of SEQUENCE.txt and once as one JSON file in pysot-toolkit's form, with names of images. The memory is the
largest that the process of the command has held.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def write_sets(folder: Path, sequences: int, frames: int) -> None:
    """Write made-up annotations in both forms and the results of a tracker that drifts."""
    rng, record = np.random.default_rng(0), {}
    for name in ("truth", "tracker"):
        (folder / name).mkdir()
    for i in range(sequences):
        sequence = f"sequence-{i + 1:04d}"
        truth = np.concatenate([rng.uniform(100, 500, 2), rng.uniform(20, 90, 2)]) + rng.normal(0, 2, (frames, 4)).cumsum(axis=0).clip(
            -15, 15
        )
        np.savetxt(folder / "truth" / f"{sequence}.txt", truth, "%.2f", ",")
        np.savetxt(folder / "tracker" / f"{sequence}.txt", truth + rng.normal(0, 5, truth.shape), "%.4f", ",")
        names = [f"{sequence}/img/{t + 1:08d}.jpg" for t in range(frames)]
        record[sequence] = {"video_dir": sequence, "init_rect": truth[0].tolist(), "img_names": names, "gt_rect": truth.round(2).tolist()}
    (folder / "truth.json").write_text(json.dumps(record))


def measure(annotations: Path, results: Path) -> dict:
    """Seconds, CPU seconds and MB of one command."""
    words = [sys.executable, "-m", "chiptrack", "score", "--benchmark", "otb", "--annotations", annotations, "--results", results, "--json"]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    answer = json.loads(subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "annotations": annotations.name,
        "seconds": round(time.monotonic() - start, 1),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "most_mb_so_far": round(after.ru_maxrss / 1024),  # of all commands up to now, so the larger form comes last
        "success": answer[0]["success"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        write_sets(Path(made), given.sequences, given.frames)
        rows = [measure(Path(made) / form, Path(made) / "tracker") for form in ("truth", "truth.json")]
    if given.json:
        print(json.dumps(rows))
        return
    print(f"{'annotations':12} {'seconds':>8} {'CPU s':>8} {'most MB':>8}")
    for row in rows:
        print(f"{row['annotations']:12} {row['seconds']:8.1f} {row['cpu_seconds']:8.1f} {row['most_mb_so_far']:8}")


if __name__ == "__main__":
    main()
