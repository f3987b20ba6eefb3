"""Fits a latency predictor on a measured table, and chooses its model by cross-validation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from latency_tables.tables.table import LatencyTable, table_files
from predictors.cross_validation import cross_validated
from predictors.encoding import Encoded, Encoder
from predictors.fit_metric import fit_table
from predictors.interval import Interval
from predictors.latency import LatencyPredictor, fit_template_line, held_out_rows
from predictors.measured import check_family, measured_networks
from predictors.models import MODELS
from predictors.models.lookup import Line
from predictors.scores import score, simplest
from supernet.catalogue import find_family
from tracking.files.guard import Reads, Writes, guarded

_SIZES = (3, 5, 10, 20, 50, 100, 200, 500)
"""Numbers of networks on the learning curve."""
_REPEATS = 5
"""Random subsets of each size on the learning curve."""


@guarded
def fit_predictor(
    table: Annotated[Path, Reads(table_files)],
    *,
    out: Annotated[Path, Writes()],
    metric: Literal["latency", "memory", "energy"] = "latency",
) -> dict:
    """Fit a predictor of the milliseconds per frame, or of memory or energy, on a measured latency table.

    For latency, the models tried are the sum of the table, a robust line over it, ridge regression as a correction of the line, and
    XGBoost with the line as base margin. A more complex model is kept only if it lowers the cross-validated error by more than 5 %.
    A line over multiply-adds is scored beside them as a baseline.

    Args:
        table: Latency table with whole networks, as written by the measure command.
        out: File to write the predictor to (.json).
        metric: What to predict: latency, memory (growth of the peak, in MB) or energy (per frame, in mJ).

    Returns:
        For latency: `family`, `networks` (how many it was fitted on), `left_out` (names of networks with operators that the runtime
        cannot run alone), cross-validated `scores` of every model, `chosen`, `why`, `learning` (error in percent by number of networks),
        `interval` and `profile`. For memory and energy: `family`, `metric`, `values` (how many it was fitted on), `scores`, `chosen`,
        `coverage` of the interval, and `profile`.

    Raises:
        ValueError: The table is broken or mixed with another family's, lacks operators of its networks, has fewer than 3 different
            networks with this metric, or its networks do not differ in cost.
    """
    measured = LatencyTable.load(Path(table))
    profile = measured.profile.to_json()
    if metric != "latency":
        check_family(measured)
        other = fit_table(measured, metric)
        other.save(Path(out))
        return {"family": other.family, "metric": metric, "coverage": other.interval.coverage, "profile": profile, **other.about}
    predictor = fit(measured)
    predictor.save(Path(out))
    found = {name: value for name, value in predictor.about["fit"].items() if name != "held_out"}
    return {"family": predictor.family, **found, "interval": predictor.interval.factors, "profile": profile}


def fit(table: LatencyTable) -> LatencyPredictor:
    """Fit a predictor of latency on a table in memory; see `fit_predictor`."""
    check_family(table)
    search = measured_networks(table, "search")
    operator_ms, unsupported = table.operator_ms(), table.unsupported_operators
    encoder = Encoder(table.profile.family, operator_ms, unsupported)
    encoded, ms = encoder.encode(search.architectures), search.ms
    if np.ptp(encoded.table_ms) <= 1e-9 * encoded.table_ms.max():
        raise ValueError(
            f"a predictor needs networks that differ in cost, the operators of all {len(ms)} add up to {encoded.table_ms[0]:.4g} ms; "
            "measure random ones with --networks 30"
        )
    held_out = {model: cross_validate(model, encoded, ms) for model in MODELS}
    scores = {model: score(predicted, ms) for model, predicted in held_out.items()}
    # a line through odd points may predict times below zero
    chosen, why = choose({model: s.mape if held_out[model].min() > 0 else np.inf for model, s in scores.items()})
    interval = Interval.conformal(np.abs(np.log(ms / held_out[chosen])))
    fitted = {
        "networks": len(ms),
        "left_out": list(search.left_out),
        "scores": {model: s.to_json() for model, s in scores.items()},
        "chosen": chosen,
        "why": why,
        "learning": [*learning(chosen, encoded, ms), {"networks": len(ms), "mape": scores[chosen].mape}],
        "held_out": held_out_rows(search.architectures, held_out[chosen], ms, *interval.around(held_out[chosen])),
    }
    return LatencyPredictor(
        table.profile,
        table.reference_ms,
        operator_ms,
        chosen,
        MODELS[chosen].fit(encoded, ms),
        _template_line(table, encoder),
        interval,
        {"fit": fitted},
        unsupported,
    )


def _template_line(table: LatencyTable, encoder: Encoder) -> Line:
    """The line for the template branch; 0 everywhere if the family has no such branch."""
    if "template" not in find_family(table.profile.family).branches:
        return fit_template_line(encoder, (), np.empty(0))
    networks = measured_networks(table, "template")
    return fit_template_line(encoder, networks.architectures, networks.ms)


def cross_validate(model: str, encoded: Encoded, ms: np.ndarray) -> np.ndarray:
    """Predict the (N,) milliseconds of N networks, each by the model fitted on the other folds.

    Args:
        model: One of `MODELS`.
        encoded: The N networks.
        ms: (N,) measured milliseconds.
    """
    return cross_validated(len(ms), lambda known, wanted: MODELS[model].fit(encoded[known], ms[known]).predict(encoded[wanted]))


def choose(mape: dict[str, float]) -> tuple[str, str]:
    """Choose the model to keep; `macs_line` is only compared with it.

    Args:
        mape: Cross-validated error in percent of every model, the simpler ones first and `macs_line` among them.

    Returns:
        The name of the model, and a sentence that says why.
    """
    chosen = simplest({model: error for model, error in mape.items() if model != "macs_line"})
    figures = ", ".join(f"{model} {mape[model]:.2f} %" for model in mape)
    why = f"{chosen} has the least cross-validated error that its size is worth ({figures})"
    if mape["macs_line"] < mape[chosen]:
        why += "; multiply-adds alone do better here: measure again, on a quieter machine or more networks"
    return chosen, why


def learning(model: str, encoded: Encoded, ms: np.ndarray) -> list[dict]:
    """Find how the error falls with the number of measured networks.

    Args:
        model: One of `MODELS`.
        encoded: The N networks.
        ms: (N,) measured milliseconds.

    Returns:
        For some numbers n below N: `networks` (n), and `mape`: the mean absolute error in percent of a model fitted on n random networks
        and tested on the others, over five draws.
    """
    rng = np.random.default_rng(0)
    curve = []
    for n in (size for size in _SIZES if size < len(ms)):
        errors = []
        for _ in range(_REPEATS):
            known, others = np.split(rng.permutation(len(ms)), [n])
            errors.append(np.abs(MODELS[model].fit(encoded[known], ms[known]).predict(encoded[others]) / ms[others] - 1))
        curve.append({"networks": n, "mape": 100 * float(np.concatenate(errors).mean())})
    return curve
