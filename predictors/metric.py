"""A fitted predictor of a metric that is no sum over a latency table, and its file (JSON, XGBoost's own JSON inside).

Memory, energy and accuracy are a line over one physical figure, corrected by what the features say; see `predictors/corrections.py`.
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
from predictors.predictor import Prediction
from supernet.families import FAMILIES
from supernet.space import Architecture
from tracking.files.atomic import write_text
from tracking.files.records import numbers, typed

FORMAT = "chiptrack-quantity-1"
_CHUNK = 4096


@dataclass(frozen=True)
class Target:
    """What is predicted."""

    unit: str
    figure: Literal["megabytes", "work"]
    """Of the `Features`, the one that the line is over."""
    relative: bool
    """Whether it is positive, and errors count relative to it; else it is a share of 0..1, without a line."""


TARGETS = {
    "memory": Target("MB", "megabytes", True),
    "energy": Target("mJ", "work", True),
    "accuracy": Target("AO", "work", False),
}
"""Growth of the peak resident memory; energy of a frame; average overlap, 0..1. Memory and energy are those of the search branch."""


@dataclass(frozen=True)
class MetricPredictor:
    """One of `TARGETS` for the architectures of a family."""

    metric: str
    family: str
    line: Line
    """Over the metric's figure."""
    model_name: str
    """One of `CORRECTIONS`."""
    model: Correction
    """Of the logarithm of a relative metric, of an accuracy as it is."""
    interval: Interval
    """In units of what the model says of its own uncertainty."""
    profile: Profile | None = None
    """Where and with what memory or energy was measured."""
    operator_ms: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds of the operators by key, where the line is over the sum of a latency table."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Scores of the fit."""

    @property
    def unit(self) -> str:
        """Of the values."""
        return TARGETS[self.metric].unit

    @cached_property
    def _encoder(self) -> FeatureEncoder:
        return FeatureEncoder(self.family, self.operator_ms)

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        return self.predict_choices(self._encoder.choices(architectures))

    def predict_choices(self, choices: np.ndarray) -> Prediction:
        chunks = [choices[i : i + _CHUNK] for i in range(0, len(choices), _CHUNK)] or [choices]
        value, low, high = np.concatenate([self._predict(self._encoder.encode(chunk)) for chunk in chunks], axis=1)
        return Prediction(value, low, high)

    def _predict(self, features: Features) -> np.ndarray:
        """(3, N) values and the ends of their intervals."""
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
    """(N,) what the line says, as the metric's model adds to it: the logarithm of a relative metric."""
    known = TARGETS[metric]
    value = line(getattr(features, known.figure))
    return np.log(np.maximum(value, 1e-9)) if known.relative else value


def from_json(record: dict) -> MetricPredictor:
    """Read what `MetricPredictor.save` wrote.

    Raises:
        KeyError, TypeError, ValueError: It is not whole, or names something unknown.
    """
    metric, family, name = (_known(record, field, of) for field, of in _NAMES.items())
    operator_ms = numbers(record["operator_ms"])
    model = CORRECTIONS[name].from_json(record["parameters"], FeatureEncoder(family, operator_ms).width)
    line, about = typed(Line, record["line"]), dict(record["about"])
    reach, coverage = numbers({name: record[name] for name in ("reach", "coverage")}).values()
    interval = Interval(reach, coverage, TARGETS[metric].relative)
    profile = Profile.from_json(about.pop("profile")) if "profile" in about else None
    return MetricPredictor(metric, family, line, name, model, interval, profile, operator_ms, about)


_NAMES = {"quantity": TARGETS, "family": FAMILIES, "model": CORRECTIONS}
"""Fields of a file that name one of these."""


def _known(record: dict, field: str, names: Mapping[str, object]) -> str:
    if record[field] not in names:
        raise ValueError(f"{field} {record[field]!r:.80}, known are {', '.join(names)}")
    return record[field]
