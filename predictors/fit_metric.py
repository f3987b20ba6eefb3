"""Fits a predictor of memory, energy or accuracy, and chooses its model by cross-validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from latency_tables.tables.agreement import rank_agreement
from latency_tables.tables.table import LatencyTable
from predictors.cross_validation import cross_validated
from predictors.features import FeatureEncoder, Features
from predictors.interval import Interval
from predictors.metric import TARGETS, MetricPredictor, base
from predictors.models.corrections import CORRECTIONS, Correction
from predictors.models.lookup import Line, fit_line
from predictors.scores import simplest
from supernet.catalogue import find_family
from supernet.space import Architecture

MIN_VALUES = 3
"""Fewest values that a predictor is fitted on."""
_COLUMNS = {"memory": "memory_mb", "energy": "energy_mj"}
"""Columns of a latency table that hold the values, by metric."""


def fit_metric(
    metric: str,
    family: str,
    architectures: Sequence[Architecture],
    values: Sequence[float] | np.ndarray,
    seed: int = 0,
    operator_ms: Mapping[str, float] | None = None,
) -> MetricPredictor:
    """Fit a predictor of one metric on known values of N architectures.

    For memory and energy, the models tried are a robust line, and the line corrected by XGBoost, by a Gaussian process, or by the mean of
    both. A more complex model is kept only if it lowers the cross-validated error by more than 5 %. Accuracy is always predicted by its
    mean, corrected by a Gaussian process, which learns from fewer networks than trees do. The standard deviation of the process is its
    uncertainty, so that its intervals are wide where little is known. All intervals are scaled to hold about 90 % of the held-out values.

    Args:
        metric: One of `TARGETS`.
        family: Name of the family.
        architectures: N different architectures of the family, at least 3.
        values: (N,) values of the metric: positive MB or mJ, or an accuracy of 0..1.
        seed: Fixes the folds and the randomness of the models.
        operator_ms: Milliseconds of operators by key. With them energy is a line over their sum, without them over multiply-adds.

    Raises:
        ValueError: The metric or the family is unknown, an architecture is of another family or comes twice, there are too few, or a value
            is out of range.
        MissingOperators: `operator_ms` lacks operators of these architectures.
    """
    _check_names(metric, family)
    values = np.asarray(values, float)
    _check(metric, architectures, values)
    encoder, relative = FeatureEncoder(family, operator_ms), TARGETS[metric].relative
    features = encoder.encode(encoder.choices(architectures))
    line = _line(metric, features, values)
    left = _targets(metric, values) - base(metric, line, features)
    candidates = CORRECTIONS if relative else ("gaussian",)
    models = {name: CORRECTIONS[name].fit(features.columns, left, seed) for name in candidates}
    held_out = {name: _held_out(metric, model, features, values, seed) for name, model in models.items()}
    scores = {name: _score(metric, middle, values) for name, (middle, _) in held_out.items()}
    chosen = simplest({name: score["error"] for name, score in scores.items()})
    middle, doubt = held_out[chosen]
    interval = Interval.conformal(np.abs(_targets(metric, values) - middle) / doubt, relative)
    about = {"values": len(values), "scores": scores, "chosen": chosen}
    return MetricPredictor(metric, family, line, chosen, models[chosen], interval, None, operator_ms or {}, about)


def fit_table(table: LatencyTable, metric: str, seed: int = 0) -> MetricPredictor:
    """Fit a predictor of memory or energy on the networks of a latency table, for the search branch.

    Raises:
        ValueError: The metric is another one, the family is unknown, or fewer than 3 networks of the table have a value.
        MissingOperators: The metric is energy, and the table lacks operators of its networks.
    """
    if metric not in _COLUMNS:
        raise ValueError(f"a latency table can tell {' or '.join(_COLUMNS)}, got {metric!r}; choose one of these")
    family = find_family(table.profile.family)
    of = {name: getattr(m, _COLUMNS[metric]) for (name, branch), m in table.networks.items() if branch == "search"}
    known: dict[Architecture, list[float]] = {}
    for name, value in of.items():
        if value:
            known.setdefault(family.parse(name), []).append(value)  # a network may be there under several names
    if len(known) < MIN_VALUES:
        ways_out = {
            "memory": "measure --networks 30 with a runtime on the processor",
            "energy": "measure --networks 30 where chiptrack may read a meter: as root, or on a board with sensors of power",
        }
        raise ValueError(
            f"a predictor of {metric} needs {_COLUMNS[metric]} of at least {MIN_VALUES} networks, the table has {len(known)}; "
            f"{ways_out[metric]}"
        )
    operator_ms = table.operator_ms() if metric == "energy" else None
    predictor = fit_metric(metric, family.name, list(known), [float(np.mean(values)) for values in known.values()], seed, operator_ms)
    return replace(predictor, profile=table.profile)


def _check_names(metric: str, family: str) -> None:
    if metric not in TARGETS:
        raise ValueError(f"unknown metric {metric!r}; known: {', '.join(TARGETS)}")
    find_family(family)


def _check(metric: str, architectures: Sequence[Architecture], values: np.ndarray) -> None:
    if values.shape != (len(architectures),) or len(values) < MIN_VALUES:
        raise ValueError(
            f"a predictor of {metric} needs one value for each of at least {MIN_VALUES} architectures, got shape {values.shape} "
            f"for {len(architectures)}; judge more architectures"
        )
    twice = len(architectures) - len(set(architectures))
    if twice:
        raise ValueError(f"architectures to fit on must differ, {twice} of {len(architectures)} come again; keep one value of each")
    allowed = np.isfinite(values) & ((values > 0) if TARGETS[metric].relative else ((values >= 0) & (values <= 1)))
    if not allowed.all():
        rule = "positive and finite" if TARGETS[metric].relative else "within 0..1"
        i = int(np.argmin(allowed))
        raise ValueError(f"values of {metric} must be {rule}, got {values[i]} for {architectures[i].name}; leave it out")


def _line(metric: str, features: Features, values: np.ndarray) -> Line:
    """A robust line over the feature of a relative metric; the mean for an accuracy."""
    known = TARGETS[metric]
    return fit_line(getattr(features, known.feature), values) if known.relative else Line(float(values.mean()), 0.0)


def _targets(metric: str, values: np.ndarray) -> np.ndarray:
    """(N,) what models predict: the logarithms of a relative metric, else the values."""
    return np.log(values) if TARGETS[metric].relative else values


def _held_out(metric: str, model: Correction, features: Features, values: np.ndarray, seed: int) -> np.ndarray:
    """(2, N) targets, each predicted by the model fitted on the other folds, and the uncertainty that it states for each."""

    def predict(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        seen, unseen = features[known], features[wanted]
        line = _line(metric, seen, values[known])
        refitted = model.refit(seen.columns, _targets(metric, values[known]) - base(metric, line, seen))
        correction, doubt = refitted.predict(unseen.columns)
        return np.stack([base(metric, line, unseen) + correction, doubt])

    return cross_validated(len(values), predict, seed)


def _score(metric: str, middle: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """Mean absolute error (relative for a relative metric) and rank correlation of (N,) predicted targets `middle`."""
    relative = TARGETS[metric].relative
    error = np.abs(np.exp(middle) / values - 1 if relative else middle - values)
    return {"error": float(error.mean()), "spearman": rank_agreement(middle, values)["spearman"]}
