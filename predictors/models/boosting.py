"""XGBoost as a correction of the table: boosted trees start from the calibrated sum and learn the logarithm of what it misses.

Source: Chen & Guestrin, XGBoost (KDD 2016); the prediction of a simpler model as base margin, as its documentation describes.
A chip's owner measures tens of networks, not thousands: trees are shallow, see the sums over operators five times as often as the
choices themselves, and as many are grown as held-out networks want, which may be none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from predictors.cross_validation import folds
from predictors.encoding import Encoded
from predictors.models.lookup import TableLine

if TYPE_CHECKING:
    import xgboost

PARAMETERS = {
    "objective": "reg:squarederror",
    "max_depth": 2,
    "eta": 0.1,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "min_child_weight": 4,
    "reg_lambda": 2.0,
    "nthread": 1,
    "seed": 0,
}
"""XGBoost's settings wherever it corrects a simpler model of tens of networks."""
ROUNDS = 150
"""Trees at most."""
_GROWING = ("operators", "params_m", "traffic_m")
"""Sums that make no network faster by growing, as do the milliseconds of each part. Multiply-adds and kinds of layers are not among them:
the milliseconds know what they cost, and a correction of that goes either way."""
_CHOICE_WEIGHT = 0.2
_PATIENCE = 20
"""Rounds without a smaller error on held-out networks before trees stop growing."""
_FOLDS = 5
_FEWEST = 10
"""With fewer networks there is nothing to learn beyond the line."""


@dataclass(frozen=True)
class BoostedTable:
    """A line over the table's sum, times the exponential of boosted trees."""

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
        return np.where(line_ms > 0, ms, line_ms)  # what has no logarithm is for the line to answer for

    def to_json(self) -> dict:
        return {"line": self.line.to_json(), "xgboost": dump_trees(self.trees)}

    @classmethod
    def from_json(cls, record: dict) -> BoostedTable:
        trees = load_trees(record["xgboost"])
        return cls(TableLine.from_json(record["line"]), trees)


def _rounds(encoded: Encoded, line: TableLine, ms: np.ndarray) -> int:
    """How many trees predict networks best that they were not grown on; 0 where the line alone does."""
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
    growing = [int(name.endswith("_ms") or name in _GROWING) for name in encoded.names]
    choices = encoded.features.shape[1] - len(growing)
    return {**PARAMETERS, "monotone_constraints": tuple(growing + [0] * choices)}


def _data(encoded: Encoded, line: TableLine, ms: np.ndarray) -> xgboost.DMatrix:
    import xgboost

    weights = np.where(np.arange(encoded.features.shape[1]) < len(encoded.names), 1, _CHOICE_WEIGHT)
    margin = _margin(line.predict(encoded))
    return xgboost.DMatrix(encoded.features, np.log(ms), base_margin=margin, feature_weights=weights, nthread=1)


def _margin(line_ms: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(line_ms, 1e-9))


def dump_trees(trees: xgboost.Booster) -> dict:
    """XGBoost's own JSON."""
    return json.loads(bytes(trees.save_raw("json")))


def load_trees(record: dict) -> xgboost.Booster:
    """Trees that predict on one thread, from what `dump_trees` gave."""
    import xgboost

    return xgboost.Booster(params={"nthread": 1}, model_file=bytearray(json.dumps(record).encode()))
