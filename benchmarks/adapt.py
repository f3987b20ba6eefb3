"""How well latency on a new runtime is predicted from a few networks measured on it and from tables of other runtimes.

    python -m benchmarks.adapt                                        every shipped table in turn, from the other ones of its family
    python -m benchmarks.adapt --samples 5 10 20 --seeds 5 --json
    python -m benchmarks.adapt --measure openvino --from latency_tables/data/lighttrack-onnxruntime-fp32.csv
                                                                      `chiptrack adapt` for real, timed, and 20 other networks measured

The networks that predictions are checked on are never among those measured for the adaptation. A table of another precision is predicted
from the fp32 table of its own runtime.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latency_tables.measuring.carry_out import carry_out_anew
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.setup import Setup
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.latency import LatencyPredictor
from predictors.load import load_latency
from predictors.measured import measured_networks
from predictors.scores import score
from predictors.transfer.adapt import adapt
from predictors.transfer.new_chip import Measured, NewChip
from supernet.families import FAMILIES
from supernet.space import Architecture


def judge(target: LatencyTable, sources: list[LatencyTable], samples: int, seed: int) -> dict:
    """Adapt to a table as if it were new, with some networks of a random half of it, and score the predictions for the other half."""
    search, template = measured_networks(target, "search"), measured_networks(target, "template")
    order = np.random.default_rng(seed).permutation(len(search.architectures))
    pool, asked = np.array_split(order, 2)
    ms = dict(zip(search.architectures, search.ms, strict=True))
    template_ms = dict(zip(template.architectures, template.ms, strict=True))
    known = [table.operator_ms() for table in sources]
    chip = NewChip(FAMILIES[target.profile.family], known, seed, [search.architectures[i] for i in pool])
    chosen = tuple(chip.choose(samples))
    measured = Measured(chosen, np.array([ms[a] for a in chosen]), np.array([template_ms[a] for a in chosen]))
    predictor = chip.fit(measured, target.profile, target.reference_ms, {})
    return _score(predictor, [search.architectures[i] for i in asked], search.ms[asked])


def measured_now(sources: list[Path], setup: Setup, networks: int) -> dict:
    """Adapt to a runtime for real, then measure other networks on it and score the predictions for them."""
    with tempfile.TemporaryDirectory() as scratch:
        out, began = Path(scratch) / "predictor.json", time.monotonic()
        adapt(from_=sources, out=out, setup=setup, networks=networks)
        seconds, predictor = time.monotonic() - began, load_latency(out)
        family, rng = FAMILIES[predictor.family], np.random.default_rng(1)
        asked = tuple(family.space.sample(rng) for _ in range(20))
        table = carry_out_anew(Plan(family, (), asked, setup, seed=1, times_only=True))
    # another measurement: it is made comparable through the reference model that both timed
    ms = np.array([table.networks[a.name, "search"].reference_units for a in asked]) * predictor.reference_ms
    return {"seconds": seconds, **_score(predictor, asked, ms)}


def _score(predictor: LatencyPredictor, asked: Sequence[Architecture], ms: np.ndarray) -> dict:
    prediction = predictor.predict(asked)
    inside = (prediction.low <= ms) & (ms <= prediction.high)
    scores = score(prediction.value, ms).to_json()
    return {**scores, "expected_mape": predictor.about["fit"]["expected_mape"], "coverage": 100 * float(inside.mean())}


def _sources(name: str, tables: dict[str, LatencyTable]) -> list[str]:
    """Return the names of the tables from which another one is predicted."""
    profile = tables[name].profile
    if profile.precision != "fp32":
        return [n for n, t in tables.items() if t.profile.runtime == profile.runtime and t.profile.precision == "fp32"]
    return [n for n, t in tables.items() if n != name and t.profile.precision == "fp32"]


def _across(folder: Path, samples: list[int], seeds: int) -> dict:
    """Return mean scores over seeds, by number of samples and by table."""
    every = {path.stem: LatencyTable.load(path) for path in sorted(folder.glob("*.csv"))}
    answer: dict = {count: {} for count in samples}
    for name, target in every.items():
        tables = {n: t for n, t in every.items() if t.profile.family == target.profile.family}
        sources = [tables[n] for n in _sources(name, tables)]
        for count in samples:
            runs = [judge(target, sources, count, seed) for seed in range(seeds)]
            answer[count][name] = {figure: float(np.mean([run[figure] for run in runs])) for figure in runs[0]}
    return answer


def _show(samples: int, results: dict[str, dict]) -> str:
    lines = [
        f"{samples} networks of the new runtime{'':8}{'bias %':>8}{'MAPE %':>8}{'expected':>9}{'±10 %':>8}{'Spearman':>10}{'inside %':>10}"
    ]
    lines += [
        f"{name:36}{r['bias']:8.1f}{r['mape']:8.2f}{r['expected_mape']:9.2f}{r['within_10']:8.0f}{r['spearman']:10.3f}{r['coverage']:10.0f}"
        for name, r in results.items()
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Adapt to runtimes as if they were new, and check on networks that were not measured.")
    parser.add_argument("--tables", type=Path, default=SHIPPED, help="folder of tables (default: those that are shipped)")
    parser.add_argument("--samples", type=int, nargs="+", default=[10])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--measure", metavar="RUNTIME", help="measure this runtime now")
    parser.add_argument("--precision", default="fp32", help="precision of the runtime that is measured now")
    parser.add_argument("--from", dest="sources", type=Path, nargs="+", help="tables or predictors of other runtimes, with --measure")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.measure:
        sources = options.sources or [SHIPPED / "lighttrack-onnxruntime-fp32.csv"]
        result = measured_now(sources, Setup(runtime=options.measure, precision=options.precision), options.samples[0])
        print(json.dumps(result) if options.json else f"{result['seconds']:.0f} s\n{_show(options.samples[0], {options.measure: result})}")
        return
    results = _across(options.tables, options.samples, options.seeds)
    print(json.dumps(results) if options.json else "\n\n".join(_show(count, each) for count, each in results.items()))


if __name__ == "__main__":
    main()
