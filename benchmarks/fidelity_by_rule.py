"""How truly the supernets of each sampling rule rank, at equal cost: the table of docs/results.md.

    python -m benchmarks.fidelity_by_rule --alone runs/fidelity --out runs/rules                 all rules, 2 seeds
    python -m benchmarks.fidelity_by_rule --alone runs/fidelity --out runs/rules --rules fair sandwich --seeds 1 --steps 3000

`--alone` is the folder of a `chiptrack fidelity` run, whose networks trained alone judge every supernet; the family, and by default the
data, are those of that run. Equal cost means equally many multiply-adds: a training of `--steps` steps with one uniform path each is the
measure, and a rule whose steps cost more gets fewer of them. What is done is kept in `--out`: the same command goes on after any
interruption. Trainings are long, so run it under nice.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from search.fidelity.record import load
from search.fidelity.reference import check_complete, read
from search.fidelity.statistics import Estimate, figures
from search.verbs.fidelity import ComparisonOptions, fidelity
from supernet.catalogue import find_family
from supernet.families.family import Family
from supernet.training.options import TrainingOptions
from supernet.training.paths import PATHS
from supernet.training.train import train
from tracking.files.atomic import write_text
from tracking.files.progress import say

_LOOKED_AT = 200
"""Number of steps, spread over a training, whose cost is counted."""


def cost_of_step(family: Family, rule: str, seed: int) -> float:
    """Mean multiply-adds of both branches that a step of a rule runs forward, for each pair.

    Costs may change over a training, but only with the share that is done; so a training of `_LOOKED_AT` steps has the same mean.
    """
    sampled = PATHS[rule](family, seed, _LOOKED_AT)
    paths = [path for step in range(_LOOKED_AT) for path in sampled.paths(step)]
    return sum(op.counts.macs for path in paths for op in family.operators(path)) / _LOOKED_AT


def steps_of(family: Family, rule: str, uniform_steps: int, seed: int) -> int:
    """Number of steps with which a rule costs as much as uniform sampling with `uniform_steps`."""
    return max(1, round(uniform_steps * cost_of_step(family, "uniform", seed) / cost_of_step(family, rule, seed)))


def judge_rule(rule: str, seed: int, alone: Path, out: Path, uniform_steps: int, training: dict, pairs: int) -> dict:
    """Train the supernet of a rule, unless that is done, and compare it with the networks trained alone; returns a row of the table."""
    terms = read(alone).terms
    family = find_family(terms.family)
    steps = steps_of(family, rule, uniform_steps, seed)
    checkpoint, folder = out / f"{rule}-{seed}.safetensors", out / f"{rule}-{seed}"
    train(family=family.name, out=checkpoint, paths=rule, seed=seed, training=TrainingOptions(**training, steps=steps, resume=True))
    if not (folder / "fidelity.json").is_file():
        fidelity(supernet=checkpoint, out=folder, alone=alone, comparison=ComparisonOptions(judged_pairs=pairs))
    rows = load(folder / "fidelity.json").rows
    found = figures(rows)
    return {
        "rule": rule,
        "seed": seed,
        "steps": steps,
        "kendall": found.kendall.value,
        "low": found.kendall.low,
        "high": found.kendall.high,
        "spearman": found.spearman.value,
        "above_macs": found.above_macs.value,
        "top_overlap": found.top_overlap,
        "inherited_score": float(np.mean([row.inherited for row in rows])),
    }


def table(found: Sequence[dict], alone: Path, macs: Estimate, ceiling: float | None) -> str:
    """The results as a Markdown table: a line for each rule, with the mean and all seeds."""
    agreed = "" if ceiling is None else f", two seeds of the trainings alone agree by {ceiling:.2f}"
    lines = [
        f"Judged by {alone}: multiply-adds alone have a Kendall tau of {macs.value:.2f} ({macs.low:.2f} to {macs.high:.2f}){agreed}.",
        "",
        "| rule | steps | Kendall tau, mean of seeds | each seed (95 % interval) | above multiply-adds | Spearman | best quarter | inherited, mean |",
        "|---|--:|--:|---|--:|--:|--:|--:|",
    ]
    by_rule: dict[str, list[dict]] = {}
    for row in found:
        by_rule.setdefault(row["rule"], []).append(row)

    def mean(rows: Sequence[dict], name: str) -> float:
        return float(np.mean([row[name] for row in rows]))

    for rule, rows in sorted(by_rule.items(), key=lambda item: -mean(item[1], "kendall")):
        each = ", ".join(f"{row['kendall']:.2f} ({row['low']:.2f} to {row['high']:.2f})" for row in rows)
        lines.append(
            f"| {rule} | {rows[0]['steps']:,} | {mean(rows, 'kendall'):.2f} | {each} | {mean(rows, 'above_macs'):+.2f} | "
            f"{mean(rows, 'spearman'):.2f} | {mean(rows, 'top_overlap'):.0%} | {mean(rows, 'inherited_score'):.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Judge the rules that the command line names, and print the table after each supernet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alone", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rules", nargs="+", choices=sorted(PATHS), default=sorted(PATHS))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=6000, help="steps of uniform sampling, whose cost all rules get")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--data", help="training data; by default those of the networks trained alone")
    parser.add_argument("--kept", type=Path, help="folder of kept pairs, see `chiptrack train --help`")
    parser.add_argument("--pairs", type=int, default=100_000, help="number of kept pairs")
    parser.add_argument("--judged-pairs", type=int, default=2048)
    parser.add_argument("--loaders", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    reference = read(given.alone)
    check_complete(reference)
    training = {name: getattr(given, name) for name in ("batch", "lr", "kept", "pairs", "loaders", "device")}
    training["data"] = given.data or reference.terms.data
    found = []
    for seed in range(given.seeds):
        for rule in given.rules:
            found.append(judge_rule(rule, seed, given.alone, given.out, given.steps, training, given.judged_pairs))
            known = figures(load(given.out / f"{rule}-{seed}" / "fidelity.json").rows)
            write_text(given.out / "rules.json", json.dumps(found, indent=1) + "\n")
            say(f"{rule}, seed {seed}: Kendall tau {found[-1]['kendall']:.2f}")
            write_text(given.out / "rules.md", table(found, given.alone, known.macs_kendall, known.ceiling) + "\n")
    print((given.out / "rules.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
