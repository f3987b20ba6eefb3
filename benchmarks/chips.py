"""What a search for latency on a chip gains over one for few multiply-adds, measured; and whether each chip's own winner is the fastest there.

    python -m benchmarks.chips --supernet runs/long/supernet.safetensors --studies runs/chips --data synthetic:runs/material
        --predictors runs/ort.json runs/ort-int8.json runs/openvino.json runs/ncnn.json runs/mnn.json runs/litert.json

A chip here is a device with a runtime and a precision, as a predictor of latency knows it. For each there is a search for high fit at low
predicted latency, and one for high fit at few multiply-adds, all with equally many evaluations. For each limit of multiply-adds:

- the MACs-aware winner is the network with the highest fit that meets the limit, among those which the search for multiply-adds evaluated;
- a chip's winner is, of the networks that its own search evaluated and that fit at least as well, the fastest: the few with the lowest
  predicted latencies are measured, and the fastest of them is taken.

Then all winners are measured again on every chip, all networks of a chip side by side in one session. The cross table has a row for each
winner and a column for each chip. The fit of every winner on new pairs says whether the scores are equal there as well.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from benchmarks.record import RESULTS, Record, table
from latency_tables.measuring.carry_out import carry_out_anew
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.setup import Setup
from predictors.latency import LatencyPredictor
from predictors.load import load_predictor
from search.judging.fixed_pairs import groups_of
from search.judging.inherited import InheritedJudge
from search.judging.judge import Job, Judge, Outcome
from search.judging.validation import Validation
from search.library import SearchOptions, run_search
from search.metrics.accuracy import FIT
from search.metrics.counted import multiply_adds
from search.metrics.metric import Objective
from search.metrics.predicted import predicted_latency
from search.problem.problem import Constraint, Problem
from search.strategies import STRATEGIES
from search.workers.inline import InlineWorkers
from supernet.catalogue import find_architecture
from supernet.families.family import Family
from supernet.space import Architecture
from tracking.files.progress import say

MACS = "macs"
"""Name of the search for few multiply-adds."""
SHORTLIST = 3
"""Number of networks with the lowest predicted latencies that are measured to find a chip's winner."""
Measure = Callable[[str, Sequence[Architecture]], Mapping[str, float]]
"""Measures architectures on a chip, all in one session: milliseconds by key."""


class Remembering:
    """A judge that asks another one about each architecture once, however many searches want to know."""

    def __init__(self, judge: Judge):
        self._judge = judge
        self._known: dict[tuple[str, range], Outcome] = {}

    def __call__(self, job: Job) -> Outcome:
        key = job.architecture.key, job.pairs
        if key not in self._known:
            self._known[key] = self._judge(job)
        return self._known[key]


def evaluated(
    family: Family, cost: Objective, limit: float, judge: Judge, study: Path, evaluations: int, pairs: range, strategy: str
) -> dict[str, float]:
    """Search for high fit at low cost, or read the search if it is done: fit by name of every evaluated architecture."""
    problem = Problem(family, (Objective(FIT), cost), (Constraint(multiply_adds(family), limit),), evaluations)
    found = run_search(problem, strategy, InlineWorkers(judge), study, SearchOptions(range(0), pairs=pairs))
    return {candidate.architecture.name: candidate.value(FIT) for candidate in found.candidates}


def macs_winner(fits: Mapping[str, float], family: Family, limit: float) -> tuple[Architecture, float] | None:
    """The architecture with the highest fit of those that meet a limit of multiply-adds, and its fit; None if none does."""
    within = {arch: fit for arch, fit in _parsed(fits) if family.counts(arch, "search").macs <= limit}
    return max(within.items(), key=lambda item: item[1]) if within else None


def chip_winner(
    fits: Mapping[str, float],
    least: float,
    latency: Objective,
    family: Family,
    time: Callable[[Sequence[Architecture]], Mapping[str, float]],
) -> Architecture | None:
    """The fastest architecture with at least this fit, by measuring those with the lowest predicted latencies; None if none fits so well."""
    reach = [arch for arch, fit in _parsed(fits) if fit >= least]
    if not reach:
        return None
    predicted = latency.of(family.space.indices(reach))
    short = [reach[i] for i in np.argsort(predicted)[:SHORTLIST]]
    measured = time(short)
    return min(short, key=lambda arch: measured[arch.key])


def _parsed(fits: Mapping[str, float]) -> list[tuple[Architecture, float]]:
    return [(find_architecture(name), fit) for name, fit in fits.items()]


def measure_on(setup: Setup, family: Family, archs: Sequence[Architecture]) -> dict[str, float]:
    """Milliseconds a frame of architectures on a chip, measured side by side, by key."""
    made = carry_out_anew(Plan(family, (), tuple(archs), setup, seed=0, times_only=True))
    times = {arch.key: made.networks[arch.name, "search"].reference_units for arch in archs}
    return {key: float("inf") if units is None else units * made.reference_ms for key, units in times.items()}


def winners(
    fits: Mapping[str, Mapping[str, float]], family: Family, limits: Sequence[float], latency: Mapping[str, Objective], measure: Measure
) -> dict[str, dict[str, Architecture]]:
    """The winners by limit (such as `15M`): of the search for multiply-adds (`macs`), and of each chip whose search reached its fit."""
    chosen: dict[str, dict[str, Architecture]] = {}
    for limit in limits:
        best = macs_winner(fits[MACS], family, limit)
        if best is None:
            continue
        mine = {MACS: best[0]}
        for chip, objective in latency.items():
            found = chip_winner(fits[chip], best[1], objective, family, lambda archs, chip=chip: measure(chip, archs))
            if found is not None:
                mine[chip] = found
        chosen[f"{limit / 1e6:g}M"] = mine
    return chosen


def gains(ms: Mapping[str, Mapping[str, float]], chosen: Mapping[str, Architecture]) -> dict[str, float]:
    """How many times faster each chip's winner is there than the MACs-aware one.

    Args:
        ms: Measured milliseconds by chip, then by key.
        chosen: The winners of a limit, by search.
    """
    return {chip: ms[chip][chosen[MACS].key] / ms[chip][arch.key] for chip, arch in chosen.items() if chip != MACS}


def show(rows: Mapping[str, Mapping]) -> str:
    """The cross tables of docs/results.md, one for each limit, from the rows of a record."""
    parts, chips = [], [name.removeprefix("ms:") for name in rows if name.startswith("ms:")]
    for name, row in rows.items():
        if name.startswith("winners:"):
            head = {"winner": "winner for", "fit": "fit", "fit_new": "fit, new pairs", "macs": "multiply-adds", **dict.fromkeys(chips, "")}
            head |= {chip: f"ms, {chip}" for chip in chips} | {"gain": "faster than macs"}
            parts.append(f"At the fit of {name.partition(':')[2]} multiply-adds:\n\n{table(head, row['lines'])}")
    return "\n\n".join(parts)


def main() -> None:
    """Search, measure, and print the cross tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--supernet", type=Path, required=True)
    parser.add_argument("--predictors", type=Path, nargs="+", required=True, help="predictors of latency, one for each chip")
    parser.add_argument("--studies", type=Path, required=True, help="folder for the searches and the pairs; the same one goes on")
    parser.add_argument("--limits", type=float, nargs="+", default=[5e6, 15e6, 40e6], help="limits of multiply-adds")
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=2048)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--strategy", default="guided", choices=list(STRATEGIES))
    parser.add_argument("--out", type=Path, default=RESULTS / "chips.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    chips: dict[str, LatencyPredictor] = {}
    for path in given.predictors:
        loaded = load_predictor(path)
        if not isinstance(loaded, LatencyPredictor):
            parser.error(f"{path} predicts {loaded.metric}; give predictors of latency")
        chips[f"{loaded.profile.runtime} {loaded.profile.precision}"] = loaded
    terms = {name: getattr(given, name) for name in ("limits", "evaluations", "pairs", "data", "strategy")}
    record = Record(given.out, "chips.py", terms | {"chips": list(chips)})
    inherited = InheritedJudge(given.supernet, Validation(given.data, 40), folder=given.studies / "pairs")
    judge, family, (pairs, new) = Remembering(inherited), inherited.family, groups_of(given.pairs)
    latency = {chip: predicted_latency(predictor) for chip, predictor in chips.items()}
    fits = {}
    for name, cost in {MACS: multiply_adds(family), **latency}.items():
        say(f"search for low {name}")
        study = given.studies / name.replace(" ", "-")
        fits[name] = evaluated(family, cost, max(given.limits), judge, study, given.evaluations, pairs, given.strategy)

    def measure(chip: str, archs: Sequence[Architecture]) -> dict[str, float]:
        return measure_on(Setup.of(chips[chip].profile), family, archs)

    names = record.row(
        "chosen",
        lambda: {
            limit: {who: arch.name for who, arch in some.items()}
            for limit, some in winners(fits, family, given.limits, latency, measure).items()
        },
    )
    chosen = {limit: {who: find_architecture(name) for who, name in some.items()} for limit, some in names.items() if limit != "seconds"}
    everyone = list({arch.key: arch for some in chosen.values() for arch in some.values()}.values())
    ms = {chip: record.row(f"ms:{chip}", lambda chip=chip: measure(chip, everyone)) for chip in chips}
    for limit, some in chosen.items():
        faster = gains(ms, some)

        def lines(some=some, faster=faster) -> dict:
            return {"lines": [_line(who, arch, fits, judge, new, ms, family) | {"gain": faster.get(who)} for who, arch in some.items()]}

        record.row(f"winners:{limit}", lines)
    print(show(record.rows))


def _line(who: str, arch: Architecture, fits: Mapping, judge: Judge, new: range, ms: Mapping, family: Family) -> dict:
    """A row of a cross table."""
    scores = judge(Job(arch, range(0), pairs=new)).scores[FIT.kind]
    about = {"winner": who, "name": arch.name, "macs": family.counts(arch, "search").macs}
    about |= {"fit": fits[who][arch.name], "fit_new": float(np.mean(scores))}
    return about | {chip: times[arch.key] for chip, times in ms.items()}


if __name__ == "__main__":
    main()
