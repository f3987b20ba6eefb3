"""What a line over one physical figure leaves, predicted from features; each model says how unsure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from predictors.models.boosting import PARAMETERS, ROUNDS, dump_trees, load_trees
from predictors.models.gaussian import Gaussian

if TYPE_CHECKING:
    import xgboost


class Correction(Protocol):
    """Predicts (N,) targets (what the line leaves) from (N, F) features."""

    @classmethod
    def fit(cls, features: np.ndarray, targets: np.ndarray, seed: int) -> Self: ...

    def refit(self, features: np.ndarray, targets: np.ndarray) -> Self:
        """The same settings, fitted to other data."""
        ...

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) targets, and (N,) how far off each may be, relative to the others."""
        ...

    def to_json(self) -> dict: ...

    @classmethod
    def from_json(cls, record: dict, width: int) -> Self:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: It is no such record, or was fitted on another number of features than `width`.
        """
        ...


@dataclass(frozen=True)
class Nothing:
    """The line as it is."""

    @classmethod
    def fit(cls, features: np.ndarray, targets: np.ndarray, seed: int) -> Nothing:
        return cls()

    def refit(self, features: np.ndarray, targets: np.ndarray) -> Nothing:
        return self

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(len(features)), np.ones(len(features))

    def to_json(self) -> dict:
        return {}

    @classmethod
    def from_json(cls, record: dict, width: int) -> Nothing:
        return cls()


@dataclass(frozen=True)
class Trees:
    """XGBoost; the line is its base margin."""

    booster: xgboost.Booster
    seed: int

    @classmethod
    def fit(cls, features: np.ndarray, targets: np.ndarray, seed: int) -> Trees:
        import xgboost

        data = xgboost.DMatrix(features, targets, nthread=1)
        return cls(xgboost.train({**PARAMETERS, "base_score": 0.0, "seed": seed}, data, ROUNDS), seed)

    def refit(self, features: np.ndarray, targets: np.ndarray) -> Trees:
        return self.fit(features, targets, self.seed)

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.booster.inplace_predict(features).astype(float), np.ones(len(features))

    def to_json(self) -> dict:
        return {"xgboost": dump_trees(self.booster), "seed": self.seed}

    @classmethod
    def from_json(cls, record: dict, width: int) -> Trees:
        booster = load_trees(record["xgboost"])
        if booster.num_features() != width:
            raise ValueError(f"trees must be of {width} features, got {booster.num_features()}")
        return cls(booster, int(record["seed"]))


@dataclass(frozen=True)
class Blend:
    """The mean of a Gaussian process and trees, as unsure as the process is."""

    process: Gaussian
    trees: Trees

    @classmethod
    def fit(cls, features: np.ndarray, targets: np.ndarray, seed: int) -> Blend:
        return cls(Gaussian.fit(features, targets, seed), Trees.fit(features, targets, seed))

    def refit(self, features: np.ndarray, targets: np.ndarray) -> Blend:
        return Blend(self.process.refit(features, targets), self.trees.refit(features, targets))

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        expected, deviation = self.process.predict(features)
        return (expected + self.trees.predict(features)[0]) / 2, deviation

    def to_json(self) -> dict:
        return {"gaussian": self.process.to_json(), "trees": self.trees.to_json()}

    @classmethod
    def from_json(cls, record: dict, width: int) -> Blend:
        return cls(Gaussian.from_json(record["gaussian"], width), Trees.from_json(record["trees"], width))


CORRECTIONS: dict[str, type[Correction]] = {"line": Nothing, "trees": Trees, "gaussian": Gaussian, "blend": Blend}
"""By the name that files and scores bear, from the simplest up."""
