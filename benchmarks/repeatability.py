"""How well a whole latency table repeats on a machine that busy processes disturb: two passes are compared row by row.

    python -m benchmarks.repeatability --family lighttrack --busy 1

Each pass is a measurement of its own, with its own agent, order and memory. Besides reference units (time divided by that of the reference
model), raw milliseconds by both clocks are compared, which show the repeatability without the reference model.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from latency_tables.measuring.measure import measure
from latency_tables.measuring.setup import Setup
from latency_tables.tables.table import LatencyTable
from predictors.scores import score
from supernet.families import FAMILIES

_BUSY = "while True: pass"


def passes(family: str, runtime: str, networks: int, busy: int, seed: int) -> tuple[LatencyTable, LatencyTable]:
    """Measure the same table twice while other processes keep cores busy."""
    disturbers = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(busy)]
    try:
        with tempfile.TemporaryDirectory() as folder:
            tables = []
            for i in range(2):
                out = Path(folder, f"{i}.csv")
                measure(family=family, out=out, setup=Setup(runtime=runtime), networks=networks, seed=seed)
                tables.append(LatencyTable.load(out))
    finally:
        for disturber in disturbers:
            disturber.kill()
            disturber.wait()
    return tables[0], tables[1]


def compare(first: LatencyTable, second: LatencyTable) -> dict[str, dict[str, dict[str, float]]]:
    """Compare two passes by kind of row and by figure.

    Returns:
        Mean, 95th percentile and maximum of the relative differences in percent, percentage of rows within 2 %, and Kendall's tau.
    """
    found = {}
    kinds = {
        "networks, search": ([m for (_, b), m in t.networks.items() if b == "search"] for t in (first, second)),
        "networks, template": ([m for (_, b), m in t.networks.items() if b == "template"] for t in (first, second)),
        "operators": (list(t.operators.values()) for t in (first, second)),
    }
    for kind, (before, after) in kinds.items():
        found[kind] = {}
        for figure in ("reference_units", "cpu_ms", "wall_ms"):
            a, b = (np.array([getattr(m, figure) for m in rows]) for rows in (before, after))
            off = 100 * np.abs(b / a - 1)
            found[kind][figure] = {
                "mean": float(off.mean()),
                "p95": float(np.percentile(off, 95)),
                "max": float(off.max()),
                "within_2": float(100 * np.mean(off <= 2)),
                "kendall": score(b, a).kendall,
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a latency table twice on a disturbed machine and compare.")
    parser.add_argument("--family", default="lighttrack", choices=sorted(FAMILIES))
    parser.add_argument("--runtime", default="onnxruntime")
    parser.add_argument("--networks", type=int, default=30)
    parser.add_argument("--busy", type=int, default=1, help="number of processes that each keep a core busy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = compare(*passes(options.family, options.runtime, options.networks, options.busy, options.seed))
    if options.json:
        print(json.dumps(result))
        return
    print(f"{options.family}, {options.runtime}, {options.busy} busy process(es): differences between two passes")
    print(f"{'':20}{'':18}{'mean %':>8}{'p95 %':>8}{'max %':>8}{'<= 2 %':>8}{'Kendall':>9}")
    for kind, figures in result.items():
        for figure, s in figures.items():
            print(f"{kind:20}{figure:18}{s['mean']:8.2f}{s['p95']:8.2f}{s['max']:8.2f}{s['within_2']:8.0f}{s['kendall']:9.3f}")


if __name__ == "__main__":
    main()
