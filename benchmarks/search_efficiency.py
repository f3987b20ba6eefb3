"""How fast the strategies find the Pareto front: hypervolume against evaluations, in a part of a space in which every network is known.

    python -m benchmarks.search_efficiency                                            all strategies, 10 seeds
    python -m benchmarks.search_efficiency --strategies guided random --seeds 3 --runtime ncnn
    python -m benchmarks.search_efficiency --space elastic --predictor chip.json      another space, latency by a predictor's file
    python -m benchmarks.search_efficiency --space elastic                            cost in multiply-adds

Searches are replayed on the table of `benchmarks/sub_space.py` (nano) or `benchmarks/elastic_sub_space.py`: everything is as in a real
search, except that scores are looked up. Objectives are the score (AO; fit for elastic) and a cost, under a limit of multiply-adds that half of
the networks meet. The cost is latency, predicted from a shipped table or by `--predictor`, or else multiply-adds. Hypervolume is relative
to that of the true front, in the box between the worst and the best figures of feasible networks. GP takes about a second for each
proposal, so fewer evaluations are planned for it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks import elastic_sub_space, sub_space
from benchmarks.tabulated import SubSpace
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.fit import fit
from predictors.latency import LatencyPredictor
from predictors.load import load_latency
from search.front.pareto import hypervolume, hypervolumes, non_dominated
from search.judging.tabular import TabularJudge
from search.library import SearchOptions, run_search
from search.metrics import Objective
from search.metrics.accuracy import AO, FIT
from search.metrics.counted import multiply_adds
from search.metrics.metric import Evaluate, Metric
from search.metrics.predicted import predicted_latency
from search.problem.problem import Constraint, Problem
from search.strategies import STRATEGIES
from search.workers.inline import InlineWorkers
from supernet.space import Architecture
from tracking.files.progress import say

MARKS = (10, 20, 50, 100, 200, 500, 1000)
"""Evaluations after which the hypervolume is printed."""
AFFORDABLE = {"guided": 200, "tpe": 200, "gp": 60, "lighttrack": 960}
"""Evaluations planned for slow strategies, and for LightTrack's own, whose last generation ends after 960."""
SPACES = {"nano": sub_space.SUB_SPACE, "elastic": elastic_sub_space.SUB_SPACE}
RUNTIMES = sorted(path.stem.split("-")[1] for path in SHIPPED.glob("nano-*-fp32.csv"))
GOALS = (0.95, 0.99)
"""Shares of the true front's hypervolume."""


@dataclass(frozen=True)
class Known:
    """All figures of a sub-space."""

    space: SubSpace
    score: dict[str, float]
    """Score by key of the architecture."""
    macs: Objective
    latency_ms: dict[str, Objective]
    """Predicted latency by runtime, or by the name of the predictor's file."""

    @property
    def metric(self) -> Metric:
        """The metric that ranks networks."""
        return {metric.kind: metric for metric in (AO, FIT)}[self.space.score]

    def problem(self, cost: Objective, evaluations: int) -> Problem:
        """Return the problem of a search for a high score at low cost."""
        limit = Constraint(self.macs, self.space.max_macs)
        return Problem(self.space.family, (Objective(self.metric), cost), (limit,), evaluations, part=self.space.space)

    def points(self, architectures: Sequence[Architecture], cost: Objective) -> np.ndarray:
        """(N, 2) figures to be minimised: the negative score, and the cost."""
        choices = self.space.family.space.indices(architectures)
        return np.column_stack([[-self.score[arch.key] for arch in architectures], cost.of(choices)])

    @property
    def feasible(self) -> list[Architecture]:
        """The networks within the limit."""
        every = self.space.architectures
        fits = self.macs.of(self.space.family.space.indices(every)) <= self.space.max_macs
        return [arch for arch, within in zip(every, fits, strict=True) if within]


def shipped(runtime: str) -> LatencyPredictor:
    """A predictor of nano's latency, fitted on the shipped table of a runtime."""
    return fit(LatencyTable.load(SHIPPED / f"nano-{runtime}-fp32.csv"))


def known(space: SubSpace, score: dict[str, float], predictors: Mapping[str, LatencyPredictor]) -> Known:
    """Compute the cheap figures of all networks of a sub-space once, since replayed searches ask for them again and again."""
    family = space.family
    choices = family.space.indices(space.architectures)
    columns = [list(family.space.choices).index(label) for label in space.free]
    strides = [len(family.space.choices[label]) for label in space.free]
    places = np.full(strides, -1)
    places[tuple(choices[:, columns].T)] = np.arange(len(choices))

    def tabulated(evaluate: Evaluate) -> Evaluate:
        values = evaluate(choices)
        return lambda asked: values[places[tuple(asked[:, columns].T)]]

    macs = multiply_adds(family)
    latencies = {name: predicted_latency(predictor) for name, predictor in predictors.items()}
    tables = {name: Objective(latency.metric, tabulated(latency.of)) for name, latency in latencies.items()}
    return Known(space, score, Objective(macs.metric, tabulated(macs.of)), tables)


def replay(strategy: str, problem: Problem, score: dict[str, float], seed: int) -> Sequence[Architecture]:
    """Run a whole search in a temporary folder, and return the evaluated architectures in order."""
    kind = problem.objectives[0].metric.kind
    judge = TabularJudge({key: {kind: (each,)} for key, each in score.items()})
    with tempfile.TemporaryDirectory() as folder:
        found = run_search(problem, strategy, InlineWorkers(judge), Path(folder), SearchOptions(seed=seed))
    return [candidate.architecture for candidate in found.candidates]


def growth(strategies: Sequence[str], figures: Known, cost: Objective, seeds: int, most: int) -> dict[str, dict]:
    """Replay searches with each strategy.

    Returns:
        For each strategy, `shares`, (seeds, evaluations), of the true front's hypervolume, and `seconds` that the search takes for each
        evaluation; under `front`, the numbers of `members` of the true front and of `feasible` networks.
    """
    feasible = figures.points(figures.feasible, cost)
    ideal, worst = feasible.min(axis=0), feasible.max(axis=0)

    def scaled(raw: np.ndarray) -> np.ndarray:
        return (raw - ideal) / (worst - ideal)

    whole = hypervolume(scaled(feasible), np.ones(2))
    answer: dict[str, dict] = {}
    for strategy in strategies:
        planned = min(most, AFFORDABLE.get(strategy, most))
        shares, began = np.zeros((seeds, planned)), time.perf_counter()
        for seed in range(seeds):
            found = replay(strategy, figures.problem(cost, planned), figures.score, seed)
            shares[seed, : len(found)] = hypervolumes(scaled(figures.points(found, cost)), np.ones(2)) / whole
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
    """Return means and intervals at the marks, and the evaluations needed to reach `GOALS`, and where two of the strategies end."""
    searches = {name: found for name, found in grown.items() if "shares" in found}
    goals = {name: float(searches[name]["shares"].mean(axis=0)[-1]) for name in ("random", "lighttrack") if name in searches}
    ends = {f"the mean of {name} after {searches[name]['shares'].shape[1]}": share for name, share in goals.items()}
    goals = {f"{share:.0%} of the true front": share for share in GOALS} | ends
    return {
        **grown["front"],
        "goals": goals,
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
    for goal, share in result["goals"].items():
        lines.append(f"\nevaluations until the mean over seeds reaches {goal} ({share:.4f}):")
        lines += [f"  {name:12}{found['needed'][goal] or 'not reached':>12}" for name, found in result["strategies"].items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Replay searches on a table of all networks, and print how fast they find the front.")
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES), choices=list(STRATEGIES), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=1000, help="evaluations planned at most; fewer are planned for slow strategies")
    parser.add_argument("--space", default="nano", choices=list(SPACES))
    parser.add_argument("--runtime", default="onnxruntime", choices=RUNTIMES, help="runtime whose shipped table predicts latency on nano")
    parser.add_argument("--predictor", type=Path, help="file of a predictor of latency, in place of a shipped table")
    parser.add_argument("--table", type=Path, help="another table of the space")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    space = SPACES[options.space]
    if options.predictor:
        predictors = {options.predictor.stem: load_latency(options.predictor)}
    else:
        predictors = {options.runtime: shipped(options.runtime)} if options.space == "nano" else {}
    figures = known(space, space.read(options.table), predictors)
    cost = next(iter(figures.latency_ms.values()), figures.macs)
    result = summary(growth(options.strategies, figures, cost, options.seeds, options.evaluations))
    print(json.dumps(result) if options.json else show(result))


if __name__ == "__main__":
    main()
