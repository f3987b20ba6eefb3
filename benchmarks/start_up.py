"""Seconds until a command has answered, as a person waits for them: in a new process each time.

    python -m benchmarks.start_up

The predictor and the bundle are made first. `track` follows only two frames, so that most of its time is its start. Each command runs
several times; printed are the wall-clock seconds of the fastest and the median run, and the processor seconds of the fastest.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import chiptrack
from latency_tables.tables.shipped import find
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import save_sequence

GOAL_S = 1.0
ARCHITECTURE = "lighttrack-mobile"


def timed(words: list[str]) -> tuple[float, float]:
    """Run one command, and return its wall-clock and processor seconds."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "chiptrack", *words], env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        predictor, bundle = str(folder / "predictor.json"), str(folder / "bundle")
        chiptrack.main(["fit-predictor", str(find("lighttrack-onnxruntime-fp32")), "--out", predictor])
        chiptrack.main(["export", ARCHITECTURE, "--out", bundle])
        save_sequence(synthetic_sequence(1, frames=2), folder / "two")
        commands = {
            "chiptrack --help": ["--help"],
            f"describe {ARCHITECTURE}": ["describe", ARCHITECTURE],
            f"predict {ARCHITECTURE}": ["predict", ARCHITECTURE, "--predictor", predictor],
            "tables list": ["tables", "list"],
            "track BUNDLE, two frames": ["track", bundle, str(folder / "two")],
        }
        rows = {title: [timed(words) for _ in range(given.repeats)] for title, words in commands.items()}
    print(f"{'command':30}{'fastest':>10}{'median':>10}{'processor':>11}   (goal: {GOAL_S} s)")
    for title, times in rows.items():
        walls = sorted(wall for wall, _ in times)
        print(f"{title:30}{walls[0]:9.2f}s{statistics.median(walls):9.2f}s{min(times)[1]:10.2f}s")


if __name__ == "__main__":
    main()
