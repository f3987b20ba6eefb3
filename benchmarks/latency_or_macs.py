"""What a search for low latency gains over a search for few multiply-adds: latency at equal accuracy, after equally many evaluations.

    python -m benchmarks.latency_or_macs                              predicted latency, 10 seeds, two runtimes
    python -m benchmarks.latency_or_macs --measure                    also measures the chosen networks of the first seed, here

Searches are replayed on the table of `benchmarks/sub_space.py`. For each level of AO, the search for latency offers the network with the
lowest predicted latency among those that it evaluated and that reach the level; the search for multiply-adds offers the one with the
fewest.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.search_efficiency import RUNTIMES, Known, interval, known, replay, shipped
from benchmarks.sub_space import NANO, SUB_SPACE
from latency_tables.measuring.carry_out import carry_out_anew
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.setup import Setup
from search.metrics import Objective
from search.strategies import STRATEGIES
from supernet.space import Architecture
from tracking.files.progress import say

LEVELS = (0.5, 0.8, 0.95, 0.99)
"""The levels of AO that offered networks must reach, as quantiles of the AO of all feasible networks."""
Offers = Mapping[float, Architecture | None]
"""The network that a search offers for each level; None if it evaluated none that reaches the level."""


def levels(figures: Known) -> dict[float, float]:
    """Return the AO of each level."""
    ao = np.array([figures.score[arch.key] for arch in figures.feasible])
    return {level: float(np.quantile(ao, level)) for level in LEVELS}


def offers(evaluated: Sequence[Architecture], cost: Objective, known: Known, wanted: dict[float, float]) -> Offers:
    """Return the cheapest evaluated network that reaches each level."""
    figures = known.points(evaluated, cost)
    chosen: dict[float, Architecture | None] = {}
    for level, least in wanted.items():
        reached = np.flatnonzero(-figures[:, 0] >= least)
        chosen[level] = evaluated[int(reached[figures[reached, 1].argmin()])] if len(reached) else None
    return chosen


def searches(figures: Known, strategy: str, evaluations: int, seeds: int) -> dict[str, list[Offers]]:
    """Run all searches, and return the offers of each seed, by what was minimised: `macs`, or the latency on a runtime."""
    wanted, costs = levels(figures), {"macs": figures.macs, **figures.latency_ms}
    found: dict[str, list[Offers]] = {name: [] for name in costs}
    for seed in range(seeds):
        for name, cost in costs.items():
            evaluated = replay(strategy, figures.problem(cost, evaluations), figures.score, seed)
            found[name].append(offers(evaluated, cost, figures, wanted))
            say(f"searched for few {name}, {seed + 1} of {seeds}")
    return found


def predicted(figures: Known, found: dict[str, list[Offers]]) -> list[dict]:
    """Return a row for each runtime and level: the predicted latencies of both searches' offers, and their ratio, as means over seeds."""
    rows = []
    for runtime, latency in figures.latency_ms.items():
        for level, ao in levels(figures).items():
            pairs = [(a[level], b[level]) for a, b in zip(found[runtime], found["macs"], strict=True)]
            both = [(a, b) for a, b in pairs if a is not None and b is not None]
            row: dict = {"runtime": runtime, "ao": ao, "seeds": len(both), "of": len(pairs)}
            if both:
                ms = latency.of(NANO.space.indices([arch for pair in both for arch in pair])).reshape(-1, 2)
                ratios = ms[:, 0] / ms[:, 1]
                row |= {"latency_ms": list(ms.mean(axis=0)), "ratio": float(ratios.mean()), "interval": interval(ratios)}
            rows.append(row)
    return rows


def measured(figures: Known, found: dict[str, list[Offers]]) -> list[dict]:
    """Return the rows of `predicted` for the first seed alone, with latencies that are measured now on this machine."""
    rows = []
    for runtime in figures.latency_ms:
        pairs = {level: (found[runtime][0][level], found["macs"][0][level]) for level in LEVELS}
        networks = tuple({arch.key: arch for pair in pairs.values() for arch in pair if arch is not None}.values())
        table = carry_out_anew(Plan(NANO, (), networks, Setup(runtime=runtime), seed=0, times_only=True))
        for level, ao in levels(figures).items():
            a, b = (table.networks[arch.name, "search"].reference_units if arch is not None else None for arch in pairs[level])
            row = {"runtime": runtime, "ao": ao, "seeds": int(a is not None and b is not None), "of": 1}
            if a is not None and b is not None:
                row |= {"latency_ms": [a * table.reference_ms, b * table.reference_ms], "ratio": a / b, "interval": float("nan")}
            rows.append(row)
    return rows


def show(title: str, rows: Sequence[dict]) -> str:
    lines = [f"{title}\n{'runtime':14}{'AO at least':>12}{'for latency':>14}{'for macs':>12}{'ratio':>18}{'seeds':>9}"]
    for row in rows:
        cells = f"{'':14}{'':>12}{'':>18}"
        if row["seeds"]:
            a, b = row["latency_ms"]
            spread = f"{row['ratio']:.3f}" + (f" ±{row['interval']:.3f}" if np.isfinite(row["interval"]) else "")
            cells = f"{a:11.4f} ms{b:9.4f} ms{spread:>18}"
        lines.append(f"{row['runtime']:14}{row['ao']:12.4f}{cells}{row['seeds']:5}/{row['of']}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare a search for latency with one for multiply-adds.")
    parser.add_argument("--runtimes", nargs="+", default=["onnxruntime", "ncnn"], choices=RUNTIMES, metavar="RUNTIME")
    parser.add_argument("--strategy", default="guided", choices=list(STRATEGIES))
    parser.add_argument("--evaluations", type=int, default=96)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--table", type=Path, default=SUB_SPACE.table)
    parser.add_argument("--measure", action="store_true", help="time the chosen networks of the first seed on this machine as well")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = known(SUB_SPACE, SUB_SPACE.read(options.table), {runtime: shipped(runtime) for runtime in options.runtimes})
    found = searches(figures, options.strategy, options.evaluations, options.seeds)
    result = {"predicted": predicted(figures, found), **({"measured": measured(figures, found)} if options.measure else {})}
    print(json.dumps(result) if options.json else "\n\n".join(show(f"{title} latency", rows) for title, rows in result.items()))


if __name__ == "__main__":
    main()
