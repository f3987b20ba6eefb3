"""How well latency is predicted: a table is measured and fitted, then networks that it never saw are measured anew.

    python -m benchmarks.latency --family lighttrack --networks 30 --fresh 30

Milliseconds of both measurements are made comparable through the reference model that each of them timed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from latency_tables.measure import measure, measure_networks
from latency_tables.table import LatencyTable
from predictors import MODELS
from predictors.encoding import Encoder
from predictors.fit import fit
from predictors.scores import score
from supernet.families import FAMILIES


def compare(family: str, networks: int, fresh: int, seed: int, threads: int, folder: Path) -> dict:
    """Measure, fit, measure fresh networks, and score every model on them."""
    measure(family=family, out=folder / "table.csv", networks=networks, seed=seed, threads=threads)
    table = LatencyTable.load(folder / "table.csv")
    predictor = fit(table)
    known, rng = FAMILIES[family], np.random.default_rng(seed + 1)
    used = {known.parse(name).key for name in table.network_ms("search")}
    drawn = {a.key: a for a in (known.space.sample(rng) for _ in range(2 * fresh + 100)) if a.key not in used}
    architectures = tuple(drawn.values())[:fresh]
    measured_ms = np.array(measure_networks(architectures, folder / "table.csv", seed + 1))

    encoder = Encoder(family, table.operator_ms())
    fitted_ms = np.array(list(table.network_ms("search").values()))
    fitted_on = encoder.encode([known.parse(name) for name in table.network_ms("search")])
    asked = encoder.encode(architectures)
    predicted = {name: model.fit(fitted_on, fitted_ms).predict(asked) for name, model in MODELS.items()}
    prediction = predictor.predict(architectures)
    predicted["chosen: " + predictor.model_name] = prediction.value
    inside = (prediction.low <= measured_ms) & (measured_ms <= prediction.high)
    return {
        "profile": table.profile.to_json(),
        "networks": networks,
        "fresh": fresh,
        "range_ms": [float(measured_ms.min()), float(measured_ms.max())],
        "scores": {name: score(ms, measured_ms).to_json() for name, ms in predicted.items()},
        "interval": {"stated": predictor.interval.coverage, "measured": float(inside.mean())},
    }


def show(result: dict) -> str:
    """The scores as a table."""
    profile = result["profile"]
    lines = [
        f"{profile['family']} on {profile['chip']}, {profile['runtime']} {profile['runtime_version']}, {profile['threads']} thread(s), "
        f"{profile['clock']} clock; {result['networks']} networks fitted, {result['fresh']} fresh ones of "
        f"{result['range_ms'][0]:.2f} to {result['range_ms'][1]:.2f} ms",
        f"{'':28}{'bias %':>8}{'MAPE %':>8}{'±5 %':>8}{'±10 %':>8}{'Spearman':>10}{'Kendall':>9}",
    ]
    lines += [
        f"{name:28}{s['bias']:8.1f}{s['mape']:8.1f}{s['within_5']:8.0f}{s['within_10']:8.0f}{s['spearman']:10.3f}{s['kendall']:9.3f}"
        for name, s in result["scores"].items()
    ]
    stated, measured = (100 * result["interval"][name] for name in ("stated", "measured"))
    lines.append(f"interval: {stated:.0f} % stated, {measured:.0f} % of the fresh ones inside")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a latency table, fit a predictor, and check it on fresh networks.")
    parser.add_argument("--family", default="lighttrack", choices=sorted(FAMILIES))
    parser.add_argument("--networks", type=int, default=30, help="networks to fit on")
    parser.add_argument("--fresh", type=int, default=30, help="networks to check on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder to keep the tables in")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.out or Path(scratch)
        result = compare(options.family, options.networks, options.fresh, options.seed, options.threads, folder)
    print(json.dumps(result) if options.json else show(result))


if __name__ == "__main__":
    main()
