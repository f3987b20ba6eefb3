"""How well the latency of networks on a new chip is predicted from few measurements. Each chip of a table is the new one in turn.

    python benchmarks/new_chipset.py FILE.parquet --samples 10 20 50 --seeds 5 --json

The table (.parquet or .csv) has a column `arch_str` of NAS-Bench-201 cells and one column of milliseconds for each chip; an empty field
was not measured. For each seed, the networks are split into two random halves. At most 800 networks of the first half train a model of each
other chip, and the networks to measure on the new chip are chosen among at most 800 of them. Predictions are scored on the second half.
Siblings of the new chip are not used; see `chip_table.siblings`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on two busy cores are several times slower than one
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import xgboost
from scipy.optimize import nnls
from scipy.stats import norm
from sklearn.linear_model import Ridge

from benchmarks.chip_table import COLUMN, Table, read, siblings
from benchmarks.nas_bench_201 import RULES, counts, imagine
from predictors.interval import COVERAGE
from predictors.scores import score
from predictors.transfer.belief import Belief, choose, condition
from tracking.files.progress import progress

_TRAINING, _FOLDS, _IMAGINED = 800, 5, 400
_BOOSTING = {"max_depth": 3, "eta": 0.05, "subsample": 0.8, "colsample_bytree": 0.5, "min_child_weight": 2, "nthread": 1, "seed": 0}
_ROUNDS = 500


@dataclass(frozen=True)
class Others:
    """What is known of N networks before anything is measured on a new chip."""

    table: Table
    ms: np.ndarray
    """(N, S) milliseconds on each of S other chips, as predicted by a model of the chip; S may be 0."""

    def beliefs(self, imagined: Sequence[np.ndarray], reference: np.ndarray) -> list[Belief]:
        """Return a belief for each array of (N, M) latencies on imagined chips.

        Latencies are divided by their mean over the networks in the rows `reference`.
        """
        varied = self.table.features[:, np.ptp(self.table.features, axis=0) > 0]
        structure = (varied - varied.mean(axis=0)) / varied.std(axis=0)
        return [Belief.of(self.ms / self.ms[reference].mean(axis=0), x / x[reference].mean(axis=0), structure) for x in imagined]


def usable(ms: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return at most 800 of the rows on which a chip with (N,) milliseconds was measured."""
    return rows[np.isfinite(ms[rows])][:_TRAINING]


def _boosted(x: np.ndarray, ms: np.ndarray, asked: np.ndarray) -> np.ndarray:
    trees = xgboost.train(_BOOSTING, xgboost.DMatrix(x, np.log(ms), nthread=1), _ROUNDS)
    return np.exp(trees.predict(xgboost.DMatrix(asked, nthread=1)).astype(float))


def modelled(table: Table, chip: str, training: np.ndarray) -> np.ndarray:
    """(N,) milliseconds on a chip as predicted by a model; networks that train the model are predicted by five-fold cross-validation."""
    ms, x = table.ms[chip].to_numpy(), table.features
    rows = usable(ms, training)
    predicted = _boosted(x[rows], ms[rows], x)
    for fold in np.array_split(rows, min(_FOLDS, len(rows))):
        rest = np.setdiff1d(rows, fold)
        predicted[fold] = _boosted(x[rest], ms[rest], x[fold])
    return predicted


def xgboost_alone(others: Others, rows: np.ndarray, ms: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Predict with boosted trees over the features of the cells."""
    x = others.table.features
    return _boosted(x[rows], ms, x[asked])


def ridge_on_counts(others: Others, rows: np.ndarray, ms: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Predict with ridge regression on how often each operator occurs."""
    x = counts(others.table.cells)
    return Ridge(alpha=0.1).fit(x[rows], ms / ms.mean()).predict(x[asked]) * ms.mean()


def scaled_proxy(others: Others, rows: np.ndarray, ms: np.ndarray, asked: np.ndarray) -> np.ndarray | None:
    """Predict with the other chip that agrees best, times a factor; returns None if there is no other chip."""
    if not others.ms.shape[1]:
        return None
    ratio = np.log(ms[:, None] / others.ms[rows])
    factor = ratio.mean(axis=0)
    best = np.abs(ratio - factor).mean(axis=0).argmin()
    return np.exp(factor[best]) * others.ms[asked, best]


def additive_table(others: Others, rows: np.ndarray, ms: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Predict with a constant and a cost of each live operator, none below zero, fitted by least squares of relative errors."""
    x = np.column_stack([np.ones(len(others.table.cells)), counts(others.table.cells, "live")])
    costs, _ = nnls(x[rows] / ms[:, None], np.ones(len(rows)))
    return x[asked] @ costs


BASELINES: Mapping[str, Callable[[Others, np.ndarray, np.ndarray, np.ndarray], np.ndarray | None]] = {
    "xgboost": xgboost_alone,
    "counts": ridge_on_counts,
    "proxy": scaled_proxy,
    "additive": additive_table,
}
"""What transfer is compared with: functions of the others, the measured rows, their milliseconds and the rows to predict."""
METHODS = ("transfer", "transfer_random", *BASELINES)
"""`transfer` chooses the networks that are measured on the new chip; all other methods get random ones."""


def judge(table: Table, samples: Sequence[int], seeds: int, chips: Sequence[str] = ()) -> dict:
    """Let each chip be the new one in turn, and score each method's predictions for networks that were not measured.

    Args:
        table: The latencies of all chips.
        samples: Numbers of networks to measure on the new chip.
        seeds: Number of random splits to take the mean over.
        chips: Names of the chips to judge; all if none is named.

    Returns:
        `networks`, `seeds`, `siblings`, and under `samples`, by number and method, the figures of each chip (`chips`), their `mean`, and
        `mean_not_simulated` over the chips that are not simulated. Figures are Spearman's correlation, the percentage of predictions
        within 10 %, the mean absolute error in percent and, for methods with intervals of 90 %, the percentage of measurements inside.
        They are None where a method has no answer.

    Raises:
        ValueError: A chip is unknown, or a number is out of range.
    """
    judged = list(dict.fromkeys(chips or table.ms))
    _check(table, samples, seeds, judged)
    excluded = siblings(table)
    imagined = [imagine(table.cells, rule, _IMAGINED, np.random.default_rng(0)) for rule in RULES]
    helping = {chip: [other for other in table.ms if other not in (chip, *excluded[chip])] for chip in judged}
    needed = [chip for chip in table.ms if any(chip in others for others in helping.values())]
    found: dict[str, dict[str, dict[str, list]]] = {str(k): {method: {chip: [] for chip in judged} for method in METHODS} for k in samples}
    with progress("judging", seeds * (len(needed) + len(judged))) as report:
        steps = 0
        for seed in range(seeds):
            training, asked = split(table, seed)
            models = {}
            for chip in needed:
                models[chip] = modelled(table, chip, training)
                report(steps := steps + 1, f"seed {seed}, model of {chip}")
            for chip in judged:
                others = Others(table, np.column_stack([np.empty((len(table.cells), 0)), *(models[other] for other in helping[chip])]))
                for k, method, figures in _judged(others, chip, imagined, training, asked, samples, seed):
                    found[str(k)][method][chip].append(figures)
                report(steps := steps + 1, f"seed {seed}, {chip}")
    return {
        "networks": len(table.cells),
        "seeds": seeds,
        "siblings": {chip: excluded[chip] for chip in judged},
        "samples": {k: {method: _summary(by_chip) for method, by_chip in methods.items()} for k, methods in found.items()},
    }


def split(table: Table, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a random half of the networks, to train on and to choose from, and the rows of the other half, to score on."""
    order = np.random.default_rng(seed).permutation(len(table.cells))
    return order[: len(order) // 2], order[len(order) // 2 :]


def _check(table: Table, samples: Sequence[int], seeds: int, chips: Sequence[str]) -> None:
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, got {seeds}; use --seeds 5")
    if min(samples) < 2:
        raise ValueError(f"samples must be at least 2, got {min(samples)}; use --samples 10")
    for chip in chips:
        if chip not in table.ms:
            raise ValueError(f"a chip must be one of {', '.join(table.ms)}, got {chip!r:.50}; name one of them or leave --chips out")
        fewest = min(len(usable(table.ms[chip].to_numpy(), split(table, seed)[0])) for seed in range(seeds))
        if max(samples) > fewest:
            raise ValueError(
                f"samples must be at most the {fewest} networks of {chip!r} that may be chosen, got {max(samples)}; ask for fewer"
            )


def _judged(
    others: Others, chip: str, imagined: Sequence[np.ndarray], training: np.ndarray, asked: np.ndarray, samples: Sequence[int], seed: int
) -> Iterator[tuple[int, str, dict[str, float] | None]]:
    """Yield number of samples, method and its figures, for one new chip and one split."""
    ms, beliefs = others.table.ms[chip].to_numpy(), others.beliefs(imagined, training)
    pool, asked = usable(ms, training), asked[np.isfinite(ms[asked])]
    chosen = pool[choose([belief[pool] for belief in beliefs], max(samples), np.random.default_rng(seed))]
    drawn = np.random.default_rng(seed).permutation(pool)
    about = [belief[asked] for belief in beliefs]
    for k in samples:
        for method, rows in (("transfer", chosen[:k]), ("transfer_random", drawn[:k])):
            predicted, deviation = condition([belief[rows] for belief in beliefs], ms[rows]).predict(about)
            inside = np.abs(np.log(ms[asked] / predicted)) <= norm.ppf((1 + COVERAGE) / 2) * deviation
            yield k, method, {**_figures(predicted, ms[asked]), "coverage": 100 * float(inside.mean())}
        for method, baseline in BASELINES.items():
            answer = baseline(others, drawn[:k], ms[drawn[:k]], asked)
            yield k, method, None if answer is None else _figures(answer, ms[asked])


def _figures(predicted: np.ndarray, measured: np.ndarray) -> dict[str, float]:
    scores = score(predicted, measured)
    return {"spearman": scores.spearman, "within_10": scores.within_10, "mape": scores.mape}


def _summary(by_chip: Mapping[str, Sequence[dict[str, float] | None]]) -> dict:
    """Return the means over seeds for each chip, and their means over all chips and over those that are not simulated."""
    chips = {chip: _mean(figures) for chip, figures in by_chip.items()}
    return {
        "chips": chips,
        "mean": _mean(list(chips.values())),
        "mean_not_simulated": _mean([figures for chip, figures in chips.items() if "simulated" not in chip]),
    }


def _mean(several: Sequence[dict[str, float] | None]) -> dict[str, float] | None:
    there = [figures for figures in several if figures]
    return {name: round(float(np.mean([figures[name] for figures in there])), 4) for name in there[0]} if there else None


def show(result: dict) -> str:
    """Return a table of text for each number of samples, and the siblings that were not used."""
    lines = [
        f"{result['networks']} networks, {result['seeds']} random halves; each column: Spearman, share within 10 % in %, mean error in %,",
        f"transfer: and share inside intervals of {100 * COVERAGE:.0f} % in %",
    ]
    names = list(result["siblings"])
    width = max(24, *(len(name) + 2 for name in names))

    def line(name: str, cells: Sequence[dict[str, float] | None]) -> str:
        return f"{name:{width}}" + "".join(map(_cell, cells))

    for k, methods in result["samples"].items():
        lines += ["", f"{k + ' samples':{width}}" + "".join(f"{method:>{22 if 'transfer' in method else 17}}" for method in methods)]
        lines += [line(name, [summary["chips"][name] for summary in methods.values()]) for name in names]
        lines.append(line(f"mean of {len(names)}", [summary["mean"] for summary in methods.values()]))
        lines.append(line("mean without simulated", [summary["mean_not_simulated"] for summary in methods.values()]))
    kept = [f"{', '.join(others)} for {chip}" for chip, others in result["siblings"].items() if others]
    return "\n".join([*lines, "", "siblings, no help: " + ("; ".join(kept) or "none")])


def _cell(figures: dict[str, float] | None) -> str:
    if figures is None:
        return f"{'-':>17}"
    inside = f"{figures['coverage']:5.0f}" if "coverage" in figures else ""
    return f"{figures['spearman']:7.3f}{figures['within_10']:5.0f}{figures['mape']:5.1f}{inside}"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}; see --help\n")


def main() -> None:
    parser = _Parser(
        description="Judge how well few measurements tell the latency of networks on a new chip, each chip of a table in turn."
    )
    parser.add_argument("table", type=Path, help=f".parquet or .csv with a column {COLUMN} and one of milliseconds for each chip")
    parser.add_argument("--samples", type=int, nargs="+", default=[10, 20, 50], help="numbers of measured networks (default: 10 20 50)")
    parser.add_argument("--seeds", type=int, default=5, help="random splits to take the mean over (default: 5)")
    parser.add_argument("--chips", nargs="+", default=[], help="chips to judge (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    try:
        result = judge(read(options.table), options.samples, options.seeds, options.chips)
    except ValueError as err:
        parser.exit(2, f"{parser.prog}: error: {err}\n")
    print(json.dumps(result) if options.json else show(result))


if __name__ == "__main__":
    main()
