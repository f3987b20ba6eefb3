"""Models that predict from features what a line over one of them leaves unexplained; each states how uncertain it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from predictors.models.boosting import PARAMETERS, ROUNDS
from predictors.models.gaussian import Gaussian
from predictors.models.trees import dump_trees, load_trees

if TYPE_CHECKING:
    import xgboost


class Correction(Protocol):
    """Predicts what the line leaves unexplained from features; its classes are listed in `CORRECTIONS`."""

    @classmethod
    def fit(cls, features: np.ndarray, targets: np.ndarray, seed: int) -> Self:
        """Fit to (n, F) features and (n,) targets; `seed` fixes all randomness."""
        ...

    def refit(self, features: np.ndarray, targets: np.ndarray) -> Self:
        """A model with the same settings, fitted to other data."""
        ...

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict (N,) targets from (N, F) features, and state the (N,) uncertainty of each.

        Only ratios of uncertainties matter, since the interval scales them; a model without any states 1 throughout.
        """
        ...

    def to_json(self) -> dict:
        """The record that `from_json` reads."""
        ...

    @classmethod
    def from_json(cls, record: dict, width: int) -> Self:
        """Build the model from a record that `to_json` made.

        Args:
            record: The record.
            width: Number of features F that the model must have been fitted on.

        Raises:
            KeyError, TypeError, ValueError: The record is incomplete or malformed, or of another number of features.
        """
        ...


@dataclass(frozen=True)
class Nothing:
    """No correction: leaves the line as it is."""

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
    """Boosted trees (XGBoost), fitted to what the line leaves unexplained."""

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
        seed = record["seed"]
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            raise ValueError(f"the seed of trees must be a whole number >= 0, got {seed!r:.40}")
        return cls(booster, seed)


@dataclass(frozen=True)
class Blend:
    """The mean of a Gaussian process and boosted trees; its uncertainty is that of the process."""

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
"""Corrections by the names that files and scores use, from the simplest to the most complex."""
