"""How well latency is predicted for networks that the models were not fitted on.

    python -m benchmarks.latency --all                                every shipped table, half of its networks held out; then twenty random halves
    python -m benchmarks.latency --all --fresh 30                     the same tables, networks measured now on this machine
    python -m benchmarks.latency --runtime openvino --fresh 30        a table measured now, then networks measured after it

Milliseconds of different measurements are made comparable through the reference model that each of them timed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from latency_tables.measuring.measure import measure
from latency_tables.measuring.remeasure import measure_networks
from latency_tables.measuring.setup import Setup
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.encoding import Encoder
from predictors.fit import fit
from predictors.models import MODELS
from predictors.scores import score
from supernet.families import FAMILIES
from supernet.space import Architecture


def judge(table: LatencyTable, fitted: Sequence[str], asked: Sequence[Architecture], measured_ms: np.ndarray) -> dict:
    """Fit every model on some networks of a table and score it on others.

    Args:
        table: A latency table.
        fitted: Names of the networks to fit on.
        asked: The networks to predict.
        measured_ms: (N,) measured milliseconds of the networks to predict.
    """
    family = FAMILIES[table.profile.family]
    encoder, known_ms = Encoder(family.name, table.operator_ms()), table.network_ms("search")
    known, unknown = encoder.encode([family.parse(name) for name in fitted]), encoder.encode(asked)
    fitted_ms = np.array([known_ms[name] for name in fitted])
    predicted = {name: model.fit(known, fitted_ms).predict(unknown) for name, model in MODELS.items()}
    chosen = fit(_only(table, fitted))
    prediction = chosen.predict(asked)
    inside = (prediction.low <= measured_ms) & (measured_ms <= prediction.high)
    return {
        "profile": table.profile.to_json(),
        "fitted": len(fitted),
        "asked": len(asked),
        "range_ms": [float(measured_ms.min()), float(measured_ms.max())],
        "scores": {name: score(ms, measured_ms).to_json() for name, ms in predicted.items()},
        "chosen": chosen.model_name,
        "interval": {"stated": chosen.interval.coverage, "measured": float(inside.mean())},
    }


def held_out(table: LatencyTable) -> dict:
    """Fit on every other network of a table, in the order of their latency, and score on the rest."""
    family, by_ms = FAMILIES[table.profile.family], table.network_ms("search")
    names = sorted(by_ms, key=by_ms.__getitem__)
    return judge(table, names[::2], [family.parse(name) for name in names[1::2]], np.array([by_ms[name] for name in names[1::2]]))


def coverage(table: LatencyTable, splits: int = 20) -> dict:
    """Find how often networks lie inside the intervals of predictors that are fitted on random halves of a table without them.

    Returns:
        `splits`, and the coverage that the intervals state (`stated`) and have (`measured`), as means over the splits, 0..1.
    """
    family, by_ms = FAMILIES[table.profile.family], table.network_ms("search")
    rng, names = np.random.default_rng(0), np.array(list(by_ms))
    stated, measured = [], []
    for _ in range(splits):
        known, others = np.array_split(rng.permutation(names), 2)
        predictor = fit(_only(table, known))
        prediction, ms = predictor.predict([family.parse(name) for name in others]), np.array([by_ms[name] for name in others])
        stated.append(predictor.interval.coverage)
        measured.append(np.mean((prediction.low <= ms) & (ms <= prediction.high)))
    return {"splits": splits, "stated": float(np.mean(stated)), "measured": float(np.mean(measured))}


def fresh(path: Path, count: int, seed: int) -> dict:
    """Fit on all networks of a table, and score on networks that are measured now on this machine."""
    table = LatencyTable.load(path)
    family, rng = FAMILIES[table.profile.family], np.random.default_rng(seed + 1)
    used = {family.parse(name).key for name in table.network_ms("search")}
    drawn = {a.key: a for a in (family.space.sample(rng) for _ in range(2 * count + 100)) if a.key not in used}
    asked = list(drawn.values())[:count]
    ms = [each["search"] for each in measure_networks(asked, table.profile, table.reference_ms, seed + 1)]
    return judge(table, list(table.network_ms("search")), asked, np.array(ms))


def show(result: dict) -> str:
    """Return the scores as a table of text."""
    profile, (low, high) = result["profile"], result["range_ms"]
    lines = [
        f"{profile['family']}, {profile['runtime']} {profile['precision']} ({profile['runtime_version']}), {profile['threads']} thread(s), "
        f"{profile['clock']} clock, {profile['chip']}: fitted on {result['fitted']} networks, asked about {result['asked']} of "
        f"{low:.2f} to {high:.2f} ms",
        f"{'':28}{'bias %':>8}{'MAPE %':>8}{'±5 %':>8}{'±10 %':>8}{'Spearman':>10}{'Kendall':>9}",
    ]
    lines += [
        f"{name + (' (chosen)' if name == result['chosen'] else ''):28}{s['bias']:8.1f}{s['mape']:8.2f}{s['within_5']:8.0f}"
        f"{s['within_10']:8.0f}{s['spearman']:10.3f}{s['kendall']:9.3f}"
        for name, s in result["scores"].items()
    ]
    stated, measured = (100 * result["interval"][name] for name in ("stated", "measured"))
    lines.append(f"interval: {stated:.0f} % stated, {measured:.0f} % inside")
    return "\n".join([*lines, *([_covered(result["coverage"])] if "coverage" in result else [])])


def _covered(share: dict) -> str:
    return f"interval over {share['splits']} random halves: {100 * share['stated']:.1f} % stated, {100 * share['measured']:.1f} % inside"


def _only(table: LatencyTable, names: Iterable[str]) -> LatencyTable:
    """Return a table with only some of its networks."""
    kept = set(names)
    return replace(table, networks={row: m for row, m in table.networks.items() if row[0] in kept})


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit latency predictors on tables and check them on networks that they never saw.")
    parser.add_argument("--all", action="store_true", help="use every table of --tables instead of one that is measured now")
    parser.add_argument("--tables", type=Path, default=SHIPPED, help="folder of tables (default: those that are shipped)")
    parser.add_argument(
        "--family", choices=sorted(FAMILIES), help="family of the tables (default: lighttrack if one is measured now, else all)"
    )
    parser.add_argument("--runtime", default="onnxruntime", help="runtime of the table that is measured now")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--networks", type=int, default=30, help="number of networks to fit on, in the table that is measured now")
    parser.add_argument(
        "--fresh", type=int, default=0, help="number of networks to measure now and to check on (with --all, 0: hold out half of the table)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder to keep the measured table in")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each table, then one of their means")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        paths = sorted(options.tables.glob("*.csv"))
        if not options.all:
            family, folder = options.family or "lighttrack", options.out or Path(scratch)
            paths = [folder / f"{family}-{options.runtime}-{options.precision}.csv"]
            setup = Setup(runtime=options.runtime, precision=options.precision, threads=options.threads)
            measure(family=family, out=paths[0], setup=setup, networks=options.networks, seed=options.seed)
        covered = []
        for path in paths:
            table = LatencyTable.load(path)
            if options.family not in (None, table.profile.family):
                continue
            if options.fresh or not options.all:
                result = fresh(path, options.fresh or 30, options.seed)
            else:
                covered.append(coverage(table))
                result = {**held_out(table), "coverage": covered[-1]}
            print(json.dumps(result) if options.json else show(result) + "\n", flush=True)
        if covered:
            mean = {name: float(np.mean([share[name] for share in covered])) for name in ("stated", "measured")}
            mean = {"splits": sum(share["splits"] for share in covered), **mean}
            print(json.dumps({"tables": len(covered), "coverage": mean}) if options.json else f"{len(covered)} tables, {_covered(mean)}")


if __name__ == "__main__":
    main()
