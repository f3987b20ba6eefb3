"""XGBoost as a correction of the table: boosted trees learn the logarithm of the ratio between measurement and line.

The line over the table's sum is the base margin that the trees start from. Usually tens of networks are measured, not thousands.
Therefore trees are shallow, sample a sum over operators five times as readily as a choice, and are as many as give the least error on
held-out networks, which may be none.

Source: Chen & Guestrin, XGBoost (KDD 2016); the prediction of a simpler model as base margin, as its documentation describes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from predictors.cross_validation import folds
from predictors.encoding import Encoded
from predictors.models.lookup import TableLine
from predictors.models.trees import OBJECTIVE, dump_trees, load_trees

if TYPE_CHECKING:
    import xgboost

PARAMETERS = {
    "objective": OBJECTIVE,
    "max_depth": 2,
    "eta": 0.1,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "min_child_weight": 4,
    "reg_lambda": 2.0,
    "nthread": 1,
    "seed": 0,
}
"""XGBoost's settings wherever it corrects a simpler model that was fitted on tens of networks."""
ROUNDS = 150
"""Number of trees: the most that `BoostedTable` grows, and as many as `corrections.Trees` always grows."""
_GROWING = ("operators", "params_m", "traffic_m")
"""Sums that never lower the prediction when they grow (a monotone constraint); the milliseconds of each part are constrained alike.
Multiply-adds and numbers of operators of each kind are free: milliseconds already contain their cost, which a correction may raise or
lower."""
_CHOICE_WEIGHT = 0.2
"""How readily a tree samples a choice, relative to a sum."""
_PATIENCE = 20
"""Number of further trees without a smaller error on held-out networks after which growing stops."""
_FOLDS = 5
_FEWEST = 10
"""Fewest networks that trees are grown on; with fewer there is nothing to learn beyond the line."""


@dataclass(frozen=True)
class BoostedTable:
    """Predicts latency by a line over the table's sum, times the exponential of boosted trees."""

    line: TableLine
    trees: xgboost.Booster

    @classmethod
    def fit(cls, encoded: Encoded, ms: np.ndarray) -> BoostedTable:
        import xgboost

        line = TableLine.fit(encoded, ms)
        rounds, data = _rounds(encoded, line, ms), _data(encoded, line, ms)
        return cls(line, xgboost.train(_parameters(encoded), data, rounds))

    def predict(self, encoded: Encoded) -> np.ndarray:
        line_ms = self.line.predict(encoded)
        ms = np.exp(self.trees.inplace_predict(encoded.features, base_margin=_margin(line_ms)).astype(float))
        return np.where(line_ms > 0, ms, line_ms)  # a line at or below zero has no logarithm: its value stays

    def to_json(self) -> dict:
        return {"line": self.line.to_json(), "xgboost": dump_trees(self.trees)}

    @classmethod
    def from_json(cls, record: dict) -> BoostedTable:
        trees = load_trees(record["xgboost"])
        return cls(TableLine.from_json(record["line"]), trees)


def _rounds(encoded: Encoded, line: TableLine, ms: np.ndarray) -> int:
    """Number of trees with the least error on held-out networks; 0 if the line alone is best."""
    import xgboost

    if len(ms) < _FEWEST:
        return 0
    parts = list(folds(len(ms), most=_FOLDS))
    seen = [_data(encoded[~out], line, ms[~out]) for out in parts]
    held_out = [_data(encoded[out], line, ms[out]) for out in parts]
    growing = [xgboost.Booster(_parameters(encoded), [data, unseen]) for data, unseen in zip(seen, held_out, strict=True)]
    labels = np.concatenate([data.get_label() for data in held_out])
    errors: list[float] = []
    for rounds in range(ROUNDS + 1):
        predicted = np.concatenate([trees.predict(data) for trees, data in zip(growing, held_out, strict=True)])
        errors.append(float(np.square(predicted - labels).sum()))
        if rounds - np.argmin(errors) >= _PATIENCE:
            break
        for trees, data in zip(growing, seen, strict=True):
            trees.update(data, rounds)
    return int(np.argmin(errors))


def _parameters(encoded: Encoded) -> dict[str, Any]:
    """`PARAMETERS` with a monotone constraint for each feature."""
    growing = [int(name.endswith("_ms") or name in _GROWING) for name in encoded.names]
    choices = encoded.features.shape[1] - len(growing)
    return {**PARAMETERS, "monotone_constraints": tuple(growing + [0] * choices)}


def _data(encoded: Encoded, line: TableLine, ms: np.ndarray) -> xgboost.DMatrix:
    """Features with logarithms of milliseconds as labels, and the logarithm of the line as base margin."""
    import xgboost

    weights = np.where(np.arange(encoded.features.shape[1]) < len(encoded.names), 1, _CHOICE_WEIGHT)
    margin = _margin(line.predict(encoded))
    return xgboost.DMatrix(encoded.features, np.log(ms), base_margin=margin, feature_weights=weights, nthread=1)


def _margin(line_ms: np.ndarray) -> np.ndarray:
    """Logarithms of milliseconds, finite also for those at or below zero."""
    return np.log(np.maximum(line_ms, 1e-9))
