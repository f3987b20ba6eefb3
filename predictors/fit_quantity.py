"""Fitting a predictor of memory, energy or accuracy, and choosing by cross-validation how much to learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from latency_tables.tables.agreement import rank_agreement
from latency_tables.tables.table import LatencyTable
from predictors.cross_validation import cross_validated
from predictors.interval import Interval
from predictors.models.corrections import CORRECTIONS, Correction
from predictors.models.lookup import Line, fit_line
from predictors.quantity import QUANTITIES, QuantityPredictor, base
from predictors.scores import simplest
from predictors.traits import TraitEncoder, Traits
from supernet.catalogue import find_family
from supernet.space import Architecture

MIN_VALUES = 3
_COLUMNS = {"memory": "memory_mb", "energy": "energy_mj"}


def fit_quantity(
    quantity: str,
    family: str,
    architectures: Sequence[Architecture],
    values: Sequence[float] | np.ndarray,
    seed: int = 0,
    operator_ms: Mapping[str, float] | None = None,
) -> QuantityPredictor:
    """Fit on what was found out of some architectures.

    Of memory and energy, the simplest model is kept that cross-validation does not improve on by 5 %: a robust line, XGBoost on
    top of it, a Gaussian process, or the mean of both. Accuracy is predicted by the mean of both at once, and with the standard
    deviation of the process, so that its intervals are wide where little is known. All intervals are widened or narrowed until
    they hold 90 % of the values that were left out.

    Args:
        quantity: One of `QUANTITIES`.
        family: Name of the family.
        architectures: At least 3 different ones of the family.
        values: Of each architecture; positive MB or mJ, or an accuracy of 0..1.
        seed: Fixes folds and trees.
        operator_ms: Milliseconds of the operators by key, so that energy is told by the sum of a latency table.

    Raises:
        ValueError: A name is unknown, or architectures or values are not such.
        MissingOperators: `operator_ms` lacks operators of these architectures.
    """
    _check_names(quantity, family)
    values = np.asarray(values, float)
    _check(quantity, architectures, values)
    encoder, relative = TraitEncoder(family, operator_ms), QUANTITIES[quantity].relative
    traits = encoder.encode(encoder.choices(architectures))
    line = _line(quantity, traits, values)
    left = _targets(quantity, values) - base(quantity, line, traits)
    candidates = CORRECTIONS if relative else ("blend",)
    models = {name: CORRECTIONS[name].fit(traits.features, left, seed) for name in candidates}
    held_out = {name: _held_out(quantity, model, traits, values, seed) for name, model in models.items()}
    scores = {name: _score(quantity, middle, values) for name, (middle, _) in held_out.items()}
    chosen = simplest({name: score["error"] for name, score in scores.items()})
    middle, doubt = held_out[chosen]
    interval = Interval.conformal(np.abs(_targets(quantity, values) - middle) / doubt, relative)
    about = {"values": len(values), "scores": scores, "chosen": chosen}
    return QuantityPredictor(quantity, family, line, chosen, models[chosen], interval, None, operator_ms or {}, about)


def fit_table(table: LatencyTable, quantity: str, seed: int = 0) -> QuantityPredictor:
    """Fit memory or energy of a frame on the networks of a latency table.

    Raises:
        ValueError: The family is unknown, or the table has too few figures of this quantity.
        MissingOperators: Energy is told by the table's sum, which lacks operators of its networks.
    """
    if quantity not in _COLUMNS:
        raise ValueError(f"a latency table can tell {' or '.join(_COLUMNS)}, got {quantity!r}; choose one of these")
    family = find_family(table.profile.family)
    of = {name: getattr(m, _COLUMNS[quantity]) for (name, branch), m in table.networks.items() if branch == "search"}
    known = {name: value for name, value in of.items() if value}
    if len(known) < MIN_VALUES:
        ways_out = {
            "memory": "measure --networks 30 with a runtime on the processor",
            "energy": "measure --networks 30 where chiptrack may read a meter: as root, or on a board with sensors of power",
        }
        raise ValueError(
            f"a predictor of {quantity} needs {_COLUMNS[quantity]} of at least {MIN_VALUES} networks, the table has {len(known)}; "
            f"{ways_out[quantity]}"
        )
    operator_ms = table.operator_ms() if quantity == "energy" else None
    architectures = [family.parse(name) for name in known]
    predictor = fit_quantity(quantity, family.name, architectures, list(known.values()), seed, operator_ms)
    return replace(predictor, profile=table.profile)


def _check_names(quantity: str, family: str) -> None:
    if quantity not in QUANTITIES:
        raise ValueError(f"unknown quantity {quantity!r}; known: {', '.join(QUANTITIES)}")
    find_family(family)


def _check(quantity: str, architectures: Sequence[Architecture], values: np.ndarray) -> None:
    if values.shape != (len(architectures),) or len(values) < MIN_VALUES:
        raise ValueError(
            f"a predictor of {quantity} needs one value for each of at least {MIN_VALUES} architectures, got shape {values.shape} "
            f"for {len(architectures)}; judge more architectures"
        )
    twice = len(architectures) - len(set(architectures))
    if twice:
        raise ValueError(f"architectures to fit on must differ, {twice} of {len(architectures)} come again; keep one value of each")
    allowed = np.isfinite(values) & ((values > 0) if QUANTITIES[quantity].relative else ((values >= 0) & (values <= 1)))
    if not allowed.all():
        rule = "positive and finite" if QUANTITIES[quantity].relative else "within 0..1"
        i = int(np.argmin(allowed))
        raise ValueError(f"values of {quantity} must be {rule}, got {values[i]} for {architectures[i].name}; leave it out")


def _line(quantity: str, traits: Traits, values: np.ndarray) -> Line:
    known = QUANTITIES[quantity]
    return fit_line(getattr(traits, known.figure), values) if known.relative else Line(float(values.mean()), 0.0)


def _targets(quantity: str, values: np.ndarray) -> np.ndarray:
    return np.log(values) if QUANTITIES[quantity].relative else values


def _held_out(quantity: str, model: Correction, traits: Traits, values: np.ndarray, seed: int) -> np.ndarray:
    """(2, N) targets predicted by the model fitted on the other folds, and their doubt."""

    def predict(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        seen, unseen = traits[known], traits[wanted]
        line = _line(quantity, seen, values[known])
        refitted = model.refit(seen.features, _targets(quantity, values[known]) - base(quantity, line, seen))
        correction, doubt = refitted.predict(unseen.features)
        return np.stack([base(quantity, line, unseen) + correction, doubt])

    return cross_validated(len(values), predict, seed)


def _score(quantity: str, middle: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """Mean absolute error (relative where the quantity is), and agreement of the order, of (N,) predicted targets."""
    relative = QUANTITIES[quantity].relative
    error = np.abs(np.exp(middle) / values - 1 if relative else middle - values)
    return {"error": float(error.mean()), "spearman": rank_agreement(middle, values)["spearman"]}
