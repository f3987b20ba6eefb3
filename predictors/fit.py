"""Fitting a latency predictor on a measured table, and choosing by cross-validation how much to learn."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from latency_tables.table import LatencyTable, manifest_path
from predictors import MODELS
from predictors.encoding import Encoded, Encoder
from predictors.lookup import fit_line
from predictors.predictor import Interval, LatencyPredictor
from predictors.scores import score
from supernet.families import FAMILIES
from tracking.atomic import check_target

MIN_NETWORKS = 3
COVERAGE = 0.9
SESSIONS = 0.02
"""How much a network's time in reference units differs between two measurements; cross-validation within one cannot see it."""
_FOLDS = 10
_GAIN = 0.95
"""A model replaces a simpler one when its cross-validated error is below this share of the simpler one's."""


def fit_predictor(table: Path, *, out: Path) -> dict:
    """Fit a predictor of the milliseconds per frame on a measured table.

    The candidates are the sum of the table, a robust line over it, and XGBoost with that line as base margin; each is kept only
    where cross-validation on the measured networks says that it helps. A line over multiply-adds is scored beside them.

    Args:
        table: A latency table with whole networks, as written by the measure command.
        out: The predictor, a .json file.

    Returns:
        `networks` (how many it was fitted on), `scores` of every candidate (cross-validated), `chosen`, `why`, `interval` and
        `profile`.

    Raises:
        ValueError: The table is broken, lacks operators, or has fewer than 3 networks.
    """
    check_target(out, table, manifest_path(Path(table)))
    measured = LatencyTable.load(Path(table))
    predictor = fit(measured)
    predictor.save(Path(out))
    return {
        "family": predictor.family,
        **{name: value for name, value in predictor.about["fit"].items() if name != "held_out"},
        "interval": asdict(predictor.interval),
        "profile": predictor.about["profile"],
    }


def fit(table: LatencyTable) -> LatencyPredictor:
    """Fit on a table in memory; see `fit_predictor`."""
    name = table.profile.family
    if name not in FAMILIES:
        raise ValueError(f"a latency table must be of a known family ({', '.join(FAMILIES)}), got {name!r}; measure one of these")
    by_name = table.network_ms("search")
    if len(by_name) < MIN_NETWORKS:
        raise ValueError(
            f"a predictor needs at least {MIN_NETWORKS} measured networks, the table has {len(by_name)}; measure with --networks 30"
        )
    operator_ms = table.operator_ms()
    encoder = Encoder(name, operator_ms, table.unsupported_operators)
    architectures = [FAMILIES[name].parse(spelling) for spelling in by_name]
    encoded, ms = encoder.encode(architectures), np.array(list(by_name.values()))
    held_out = {model: cross_validate(model, encoded, ms) for model in MODELS}
    scores = {model: score(predicted, ms) for model, predicted in held_out.items()}
    chosen, why = choose({model: result.mape for model, result in scores.items()})
    template_ms = table.network_ms("template")
    template = encoder.encode([FAMILIES[name].parse(spelling) for spelling in template_ms], "template")
    pairs = [
        {"name": spelling, "predicted_ms": float(predicted), "measured_ms": float(measured)}
        for spelling, predicted, measured in zip(by_name, held_out[chosen], ms, strict=True)
    ]
    about = {
        "profile": table.profile.to_json(),
        "reference_ms": table.reference_ms,
        "fit": {
            "networks": len(ms),
            "scores": {model: s.to_json() for model, s in scores.items()},
            "chosen": chosen,
            "why": why,
            "held_out": pairs,
        },
    }
    return LatencyPredictor(
        name,
        operator_ms,
        chosen,
        MODELS[chosen].fit(encoded, ms),
        fit_line(template.table_ms, np.array(list(template_ms.values()))),
        interval(held_out[chosen], ms),
        about,
        table.unsupported_operators,
    )


def cross_validate(model: str, encoded: Encoded, ms: np.ndarray) -> np.ndarray:
    """Predict each of N networks by the model fitted on the other folds.

    Args:
        model: One of `MODELS`.
        encoded: The networks.
        ms: (N,) their measured milliseconds.
    """
    folds = np.random.default_rng(0).permutation(len(ms)) % min(_FOLDS, len(ms))
    predicted = np.empty(len(ms))
    for fold in range(folds.max() + 1):
        out = folds == fold
        predicted[out] = MODELS[model].fit(encoded[~out], ms[~out]).predict(encoded[out])
    return predicted


def choose(mape: dict[str, float]) -> tuple[str, str]:
    """The model to keep, and why.

    Args:
        mape: Cross-validated error in percent of every model, the simpler ones first and `macs_line` among them.
    """
    table_models = [model for model in mape if model != "macs_line"]
    chosen = table_models[0]
    for model in table_models[1:]:
        if mape[model] < _GAIN * mape[chosen]:
            chosen = model
    figures = ", ".join(f"{model} {mape[model]:.2f} %" for model in mape)
    why = f"{chosen} has the least cross-validated error that its size is worth ({figures})"
    if mape["macs_line"] < mape[chosen]:
        why += "; multiply-adds alone do better here: measure again, on a quieter machine or more networks"
    return chosen, why


def interval(predicted: np.ndarray, ms: np.ndarray) -> Interval:
    """Factors between which held-out measurements lie, by split-conformal ranks.

    Args:
        predicted: (N,) each from a model that did not see the network.
        ms: (N,) measured.
    """
    errors = np.sort(np.abs(np.log(ms / predicted)))
    n = len(errors)
    rank = min(n, int(np.ceil((n + 1) * COVERAGE)))
    factor = float(np.exp(np.hypot(errors[rank - 1], SESSIONS)))
    # few networks cannot promise 90 %: the largest of n errors covers n / (n + 1)
    return Interval(1 / factor, factor, min(COVERAGE, n / (n + 1)))
