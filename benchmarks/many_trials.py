"""Time and memory that it takes to continue a large study, to read its candidates, and to build its page.

    python -m benchmarks.many_trials --folder /tmp/many --trials 50000

The study is made once, of random architectures and made-up scores, and kept. Each task runs in a process of its own; its time is without
imports, its memory with them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from optuna.samplers import RandomSampler

from search.judging.judge import Outcome
from search.metrics import Objective
from search.metrics.accuracy import AO, AUC
from search.metrics.counted import multiply_adds, parameters
from search.metrics.predicted import LATENCY
from search.problem.budget import cheapest
from search.problem.feasible import FeasibilityFilter
from search.problem.problem import Constraint, Problem
from search.study.study import Study
from supernet.families import FAMILIES
from tracking.files.progress import progress

_SEQUENCES = 16
_TASKS = {
    "go on": ("from benchmarks.many_trials import opened, passing; feasible = passing()", "opened(Path(sys.argv[1]), feasible)"),
    "read candidates": ("from search.study.study import read_candidates", "found = read_candidates(Path(sys.argv[1]) / 'study')"),
    "build page": ("from search.verbs.report import report; import search.page.document, xgboost", "report(Path(sys.argv[1]))"),
}
_CHILD = """
import json, re, sys, time
from pathlib import Path
def now():
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    return time.perf_counter(), time.process_time(), int(peak[1]) / 1024
{prepare}
before = now()
{task}
print(json.dumps([before, now()]))
"""


def problem() -> Problem:
    """Return the problem of a search for one device, whose latency is proportional to the multiply-adds."""
    family = FAMILIES["lighttrack"]
    macs = multiply_adds(family)
    latency = Objective(LATENCY, lambda choices: macs.of(choices) / 1e7, lambda choices: np.full(len(choices), 0.5))
    limits = (Constraint(macs, family.max_macs),)
    return Problem(family, (Objective(AO), latency), limits, evaluations=1000, noted=(parameters(family),), scored=(AO, AUC))


def passing() -> FeasibilityFilter:
    """Return the feasibility filter of the problem."""
    ours = problem()
    return FeasibilityFilter(ours, cheapest(ours))


def opened(run: Path, feasible: FeasibilityFilter, database: str | None = None) -> Study:
    """Open the study as a search does that continues it."""
    return Study(run / "study", feasible.problem, feasible, ("random", RandomSampler(len(feasible.seen))), database)


def made(run: Path, trials: int, database: str | None) -> float | None:
    """Fill the study up to a number of trials; returns the milliseconds for each trial that was added, or None if none was."""
    feasible, rng = passing(), np.random.default_rng(0)
    study, ours = opened(run, feasible, database), feasible.problem
    settings = {
        "family": ours.family.name,
        "predictors": [],
        "objectives": [objective.metric.to_json() for objective in ours.objectives],
        "figures": [metric.to_json() for metric in ours.metrics],
        "limits": {constraint.name: constraint.limit for constraint in ours.constraints},
        "strategy": "random",
        "seed": 0,
        "sequences": {"first": 0, "count": _SEQUENCES, "frames": 40},
        "rescoring": {"first": 0, "count": 0, "frames": 40},
    }
    (run / "settings.json").write_text(json.dumps(settings))
    there = len(study.candidates())
    begun = time.perf_counter()
    with progress("trials", trials, there) as show:
        for done in range(there + 1, trials + 1):
            number, _ = study.ask()
            ao = np.clip(rng.normal(0.5 + 0.2 * rng.random(), 0.15, _SEQUENCES), 0, 1)
            study.tell(number, Outcome({AO.kind: tuple(ao.tolist()), AUC.kind: tuple((0.95 * ao).tolist())}, rng.random()))
            show(done, "")
    study.close()
    return 1000 * (time.perf_counter() - begun) / (trials - there) if trials > there else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="folder of the study; a study that it holds is used again")
    parser.add_argument("--trials", type=int, default=50_000)
    parser.add_argument("--database", help="keep the study in PostgreSQL: postgresql://user@host:port/database")
    args = parser.parse_args()
    if each := made(args.folder, args.trials, args.database):
        print(f"{each:.1f} ms to ask for a trial and to tell it")
    for name, (prepare, task) in _TASKS.items():
        child = subprocess.run(
            [sys.executable, "-c", _CHILD.format(prepare=prepare, task=task), args.folder], capture_output=True, text=True
        )
        if child.returncode:
            print(f"{name:16} failed: {child.stderr.splitlines()[-1]}")
            continue
        (wall, cpu, peak_mb), (wall_end, cpu_end, peak_mb_end) = json.loads(child.stdout)
        print(
            f"{name:16} {wall_end - wall:6.1f} s, {cpu_end - cpu:.1f} s of it computing; peak {peak_mb_end:.0f} MB, {peak_mb:.0f} MB before"
        )


if __name__ == "__main__":
    main()
