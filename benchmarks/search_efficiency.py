"""How fast the strategies find the Pareto front: hypervolume against evaluations, in a part of a space in which every network is known.

    python -m benchmarks.search_efficiency                                            all strategies, 10 seeds
    python -m benchmarks.search_efficiency --strategies guided random --seeds 3 --runtime ncnn

Searches are replayed on the table of `benchmarks/sub_space.py`: everything is as in a real search, except that AO is looked up. Objectives
are AO and the latency predicted from a shipped table, under a limit of multiply-adds that half of the networks meet. Hypervolume is
relative to that of the true front, in the box between the worst and the best figures of feasible networks. GP takes about a second for
each proposal, so fewer evaluations are planned for it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks.sub_space import FREE, NANO, TABLE, every_architecture, read_table, sub_space
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.fit import fit
from search.front.pareto import hypervolume, hypervolumes, non_dominated
from search.judging.tabular import TabularJudge
from search.library import SearchOptions, run_search
from search.metrics import Objective
from search.metrics.accuracy import AO
from search.metrics.counted import multiply_adds
from search.metrics.metric import Evaluate
from search.metrics.predicted import predicted_latency
from search.problem.problem import Constraint, Problem
from search.strategies import STRATEGIES
from search.workers.inline import InlineWorkers
from supernet.space import Architecture
from tracking.files.progress import say

MARKS = (10, 20, 50, 100, 200, 500, 1000)
"""Evaluations after which the hypervolume is printed."""
AFFORDABLE = {"guided": 200, "tpe": 200, "gp": 50, "lighttrack": 960}
"""Evaluations planned for slow strategies, and for LightTrack's own, whose last generation ends after 960."""
MAX_MACS = 6e6
RUNTIMES = sorted(path.stem.split("-")[1] for path in SHIPPED.glob("nano-*-fp32.csv"))


@dataclass(frozen=True)
class Known:
    """All figures of the sub-space."""

    ao: dict[str, float]
    """AO by key of the architecture."""
    macs: Objective
    latency_ms: dict[str, Objective]
    """Predicted latency by runtime."""

    def problem(self, cost: Objective, evaluations: int) -> Problem:
        """Return the problem of a search for high AO at low cost."""
        return Problem(NANO, (Objective(AO), cost), (Constraint(self.macs, MAX_MACS),), evaluations, part=sub_space())


def known(table: Path, runtimes: Sequence[str]) -> Known:
    """Read the table, and compute the cheap figures of all its networks once, since replayed searches ask for them again and again."""
    choices = NANO.space.indices(every_architecture())
    columns = [list(NANO.space.choices).index(label) for label in FREE]
    strides = [len(NANO.space.choices[label]) for label in FREE]
    places = np.full(strides, -1)
    places[tuple(choices[:, columns].T)] = np.arange(len(choices))

    def tabulated(evaluate: Evaluate) -> Evaluate:
        values = evaluate(choices)
        return lambda asked: values[places[tuple(asked[:, columns].T)]]

    def latency_ms(runtime: str) -> Objective:
        latency = predicted_latency(fit(LatencyTable.load(SHIPPED / f"nano-{runtime}-fp32.csv")))
        return Objective(latency.metric, tabulated(latency.of))

    macs = multiply_adds(NANO)
    macs = Objective(macs.metric, tabulated(macs.of))
    return Known(read_table(table), macs, {runtime: latency_ms(runtime) for runtime in runtimes})


def replay(strategy: str, problem: Problem, ao: dict[str, float], seed: int) -> Sequence[Architecture]:
    """Run a whole search in a temporary folder, and return the evaluated architectures in order."""
    judge = TabularJudge({key: {AO.kind: (each,)} for key, each in ao.items()})
    with tempfile.TemporaryDirectory() as folder:
        found = run_search(problem, strategy, InlineWorkers(judge), Path(folder), SearchOptions(seed=seed))
    return [candidate.architecture for candidate in found.candidates]


def points(architectures: Sequence[Architecture], cost: Objective, ao: dict[str, float]) -> np.ndarray:
    """(N, 2) figures to be minimised: negative AO, and the cost."""
    return np.column_stack([[-ao[arch.key] for arch in architectures], cost.of(NANO.space.indices(architectures))])


def growth(strategies: Sequence[str], figures: Known, runtime: str, seeds: int, most: int) -> dict[str, dict]:
    """Replay searches with each strategy.

    Returns:
        For each strategy, `shares`, (seeds, evaluations), of the true front's hypervolume, and `seconds` that the search takes for each
        evaluation; under `front`, the numbers of `members` of the true front and of `feasible` networks.
    """
    cost = figures.latency_ms[runtime]
    every = every_architecture()
    feasible = points(
        [a for a, fits in zip(every, figures.macs.of(NANO.space.indices(every)) <= MAX_MACS, strict=True) if fits], cost, figures.ao
    )
    ideal, worst = feasible.min(axis=0), feasible.max(axis=0)

    def scaled(raw: np.ndarray) -> np.ndarray:
        return (raw - ideal) / (worst - ideal)

    whole = hypervolume(scaled(feasible), np.ones(2))
    answer: dict[str, dict] = {}
    for strategy in strategies:
        planned = min(most, AFFORDABLE.get(strategy, most))
        shares, began = np.zeros((seeds, planned)), time.perf_counter()
        for seed in range(seeds):
            found = replay(strategy, figures.problem(cost, planned), figures.ao, seed)
            shares[seed, : len(found)] = hypervolumes(scaled(points(found, cost, figures.ao)), np.ones(2)) / whole
            shares[seed, len(found) :] = shares[seed, len(found) - 1]  # the strategy ended the search early
            say(f"{strategy}, search {seed + 1} of {seeds}: {shares[seed, -1]:.4f}")
        answer[strategy] = {"shares": shares, "seconds": (time.perf_counter() - began) / seeds / planned}
    answer["front"] = {"members": len(non_dominated(feasible)), "feasible": len(feasible)}
    return answer


def interval(values: np.ndarray) -> float:
    """Return half the width of the 95 % confidence interval of the mean over seeds; NaN for one seed."""
    return float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def needed(shares: np.ndarray, target: float) -> int | None:
    """Return the number of evaluations after which the mean over seeds reaches a target; None if it does not."""
    reached = np.flatnonzero(shares.mean(axis=0) >= target)
    return int(reached[0]) + 1 if len(reached) else None


def summary(grown: dict[str, dict]) -> dict:
    """Return means and intervals at the marks, and the evaluations needed to reach where random search and LightTrack's evolution end."""
    searches = {name: found for name, found in grown.items() if "shares" in found}
    goals = {name: float(searches[name]["shares"].mean(axis=0)[-1]) for name in ("random", "lighttrack") if name in searches}
    return {
        **grown["front"],
        "goals": {name: {"evaluations": searches[name]["shares"].shape[1], "share": share} for name, share in goals.items()},
        "strategies": {
            name: {
                "marks": {
                    mark: [float(found["shares"][:, mark - 1].mean()), interval(found["shares"][:, mark - 1])]
                    for mark in (*MARKS, found["shares"].shape[1])
                    if mark <= found["shares"].shape[1]
                },
                "needed": {goal: needed(found["shares"], share) for goal, share in goals.items()},
                "seconds": found["seconds"],
            }
            for name, found in searches.items()
        },
    }


def show(result: dict) -> str:
    """Return the summary as a table of text, and the evaluations that each strategy needs to reach each goal."""
    marks = sorted({mark for found in result["strategies"].values() for mark in found["marks"]})
    lines = [
        f"share of the hypervolume of the true front ({result['members']} of {result['feasible']} feasible networks), mean and 95 % interval",
        f"{'evaluations':12}" + "".join(f"{mark:>16}" for mark in marks) + f"{'s each':>9}",
    ]
    for name, found in result["strategies"].items():
        cells = [f"{found['marks'][m][0]:.4f} ±{found['marks'][m][1]:.4f}" if m in found["marks"] else "" for m in marks]
        lines.append(f"{name:12}" + "".join(f"{cell:>16}" for cell in cells) + f"{found['seconds']:9.3f}")
    for goal, reached in result["goals"].items():
        lines.append(f"\nevaluations until the mean reaches that of {goal} after {reached['evaluations']} ({reached['share']:.4f}):")
        lines += [f"  {name:12}{found['needed'][goal] or 'not reached':>12}" for name, found in result["strategies"].items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Replay searches on a table of all networks, and print how fast they find the front.")
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES), choices=list(STRATEGIES), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=1000, help="evaluations planned at most; fewer are planned for slow strategies")
    parser.add_argument("--runtime", default="onnxruntime", choices=RUNTIMES)
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = known(options.table, [options.runtime])
    result = summary(growth(options.strategies, figures, options.runtime, options.seeds, options.evaluations))
    print(json.dumps(result) if options.json else show(result))


if __name__ == "__main__":
    main()
