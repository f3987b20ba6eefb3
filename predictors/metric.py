"""A fitted predictor of memory, energy or accuracy, and its JSON file (boosted trees are stored in XGBoost's own JSON).

Memory and energy are predicted by a line over one feature, accuracy by its mean. A model of all features corrects this; see
`predictors/models/corrections.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from latency_tables.tables.profile import Profile
from predictors.features import FeatureEncoder, Features
from predictors.interval import Interval
from predictors.models.corrections import CORRECTIONS, Correction
from predictors.models.lookup import Line
from predictors.predictor import Prediction, finite
from supernet.catalogue import find_family
from supernet.space import Architecture
from tracking.files.atomic import write_text
from tracking.files.records import numbers, typed

FORMAT = "chiptrack-quantity-1"
_CHUNK = 4096


@dataclass(frozen=True)
class Target:
    """How one metric is predicted."""

    unit: str
    feature: Literal["megabytes", "work"]
    """Field of `Features` that the line is over."""
    relative: bool
    """True for a positive metric: models correct its logarithm, and errors are relative. False for a share of 0..1: models correct its
    mean, and errors are absolute."""


TARGETS = {
    "memory": Target("MB", "megabytes", True),
    "energy": Target("mJ", "work", True),
    "accuracy": Target("AO", "work", False),
}
"""The metrics by name: growth of the peak resident memory; energy per frame; average overlap (AO), 0..1. Memory and energy are those of
the search branch."""


@dataclass(frozen=True)
class MetricPredictor:
    """Predicts one metric of `TARGETS` for the architectures of a family."""

    metric: str
    family: str
    line: Line
    """Line over the feature that `Target.feature` names; a constant for an accuracy."""
    model_name: str
    """Name of `model` in `CORRECTIONS`."""
    model: Correction
    """Predicts what is added to the line: to its logarithm for a relative metric, to its value for an accuracy."""
    interval: Interval
    """How far values may lie from predictions, in units of the uncertainty that the model states."""
    profile: Profile | None = None
    """Device, runtime and settings that memory or energy was measured with; None if unknown."""
    operator_ms: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds of operators by key, if features come from a latency table; else empty."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Record of the fit: number of values, scores, chosen model."""

    @property
    def unit(self) -> str:
        """Unit of the predicted values."""
        return TARGETS[self.metric].unit

    @cached_property
    def _encoder(self) -> FeatureEncoder:
        return FeatureEncoder(self.family, self.operator_ms)

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        return self.predict_choices(self._encoder.choices(architectures))

    def predict_choices(self, choices: np.ndarray) -> Prediction:
        chunks = [choices[i : i + _CHUNK] for i in range(0, len(choices), _CHUNK)] or [choices]
        value, low, high = np.concatenate([self._predict(self._encoder.encode(chunk)) for chunk in chunks], axis=1)
        return Prediction(finite(value, self.metric), low, high)

    def _predict(self, features: Features) -> np.ndarray:
        """(3, N) values, lower ends and upper ends of their intervals."""
        correction, doubt = self.model.predict(features.columns)
        middle = base(self.metric, self.line, features) + correction
        relative = TARGETS[self.metric].relative
        value = np.exp(middle) if relative else middle
        found = np.stack([value, *self.interval.around(value, doubt)])
        return found if relative else np.clip(found, 0.0, 1.0)

    def save(self, path: Path) -> None:
        record = {
            "format": FORMAT,
            "quantity": self.metric,
            "unit": self.unit,
            "family": self.family,
            "about": {**self.about, **({"profile": self.profile.to_json()} if self.profile else {})},
            "line": vars(self.line),
            "model": self.model_name,
            "parameters": self.model.to_json(),
            "reach": self.interval.reach,
            "coverage": self.interval.coverage,
            "operator_ms": dict(self.operator_ms),
        }
        write_text(path, json.dumps(record) + "\n")


def base(metric: str, line: Line, features: Features) -> np.ndarray:
    """(N,) values of the line that the model's correction is added to; their logarithms for a relative metric."""
    known = TARGETS[metric]
    value = line(getattr(features, known.feature))
    return np.log(np.maximum(value, 1e-9)) if known.relative else value


def from_json(record: dict) -> MetricPredictor:
    """Build the predictor from a record that `MetricPredictor.save` wrote.

    Raises:
        KeyError, TypeError, ValueError: The record is incomplete or malformed, or names something unknown.
    """
    metric, name = (_known(record, field, of) for field, of in _NAMES.items())
    family = find_family(record["family"]).name
    operator_ms = numbers(record["operator_ms"])
    model = CORRECTIONS[name].from_json(record["parameters"], FeatureEncoder(family, operator_ms).width)
    line, about = typed(Line, record["line"]), dict(record["about"])
    reach, coverage = numbers({name: record[name] for name in ("reach", "coverage")}).values()
    interval = Interval(reach, coverage, TARGETS[metric].relative)
    profile = Profile.from_json(about.pop("profile")) if "profile" in about else None
    return MetricPredictor(metric, family, line, name, model, interval, profile, operator_ms, about)


_NAMES = {"quantity": TARGETS, "model": CORRECTIONS}
"""Fields of the file that must hold a name from one of these dictionaries."""


def _known(record: dict, field: str, names: Mapping[str, object]) -> str:
    if record[field] not in names:
        raise ValueError(f"{field} {record[field]!r:.80}, known are {', '.join(names)}")
    return record[field]
