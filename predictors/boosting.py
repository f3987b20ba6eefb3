"""XGBoost as a correction of the table: boosted trees start from the calibrated sum and learn the logarithm of what it misses.

Source: Chen & Guestrin, XGBoost (KDD 2016); the prediction of a simpler model as base margin, as its documentation describes.
Trees are few, shallow and shrunk: a chip's owner measures tens of networks, not thousands.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import xgboost

from predictors.encoding import Encoded
from predictors.lookup import TableLine

_PARAMETERS = {
    "objective": "reg:squarederror",
    "max_depth": 2,
    "eta": 0.05,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "min_child_weight": 4,
    "reg_lambda": 2.0,
    "nthread": 1,
    "seed": 0,
}
_ROUNDS = 80


@dataclass(frozen=True)
class BoostedTable:
    """A line over the table's sum, times the exponential of boosted trees."""

    line: TableLine
    trees: xgboost.Booster

    @classmethod
    def fit(cls, encoded: Encoded, ms: np.ndarray) -> BoostedTable:
        line = TableLine.fit(encoded, ms)
        data = _matrix(encoded, line)
        data.set_label(np.log(ms))
        return cls(line, xgboost.train(_PARAMETERS, data, _ROUNDS))

    def predict(self, encoded: Encoded) -> np.ndarray:
        return np.exp(self.trees.predict(_matrix(encoded, self.line)).astype(float))

    def to_json(self) -> dict:
        return {"line": self.line.to_json(), "xgboost": json.loads(bytes(self.trees.save_raw("json")))}

    @classmethod
    def from_json(cls, record: dict) -> BoostedTable:
        trees = xgboost.Booster(params={"nthread": 1}, model_file=bytearray(json.dumps(record["xgboost"]).encode()))
        return cls(TableLine.from_json(record["line"]), trees)


def _matrix(encoded: Encoded, line: TableLine) -> xgboost.DMatrix:
    base_ms = np.maximum(line.predict(encoded), 1e-9)
    return xgboost.DMatrix(encoded.features, base_margin=np.log(base_ms), nthread=1)
