"""A fitted predictor of latency, and the JSON file that it is kept in (boosted trees are stored in XGBoost's own JSON)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from latency_tables.tables.profile import Profile
from predictors.encoding import Encoder
from predictors.interval import Interval
from predictors.models import MODELS
from predictors.models.lookup import Line, fit_line
from predictors.models.model import Model
from predictors.predictor import Prediction, finite
from supernet.catalogue import find_family
from supernet.space import Architecture
from tracking.files.atomic import write_text
from tracking.files.records import numbers, texts, typed

FORMAT = "chiptrack-predictor-3"
_CHUNK = 4096
"""Number of architectures that are encoded at once: as many as fit into a core's cache."""


@dataclass(frozen=True)
class LatencyPredictor:
    """Predicts milliseconds per frame (search branch) and per new target (template branch), from a latency table and a model over it."""

    profile: Profile
    """Device, runtime and settings that the table was measured with."""
    reference_ms: float
    """Milliseconds of the reference model while the table was measured."""
    operator_ms: Mapping[str, float]
    """Milliseconds of operators by key: measured, or estimated by `adapt`."""
    model_name: str
    """Name of `model` in `MODELS`."""
    model: Model
    """Predicts the milliseconds of the search branch."""
    template_line: Line
    """Predicts the milliseconds of the template branch from the table's sum over that branch."""
    interval: Interval
    """How far measurements of the search branch may lie from their predictions."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Record of the fit under the key `fit`: scores, held-out networks, learning curve."""
    unsupported: Mapping[str, str] = field(default_factory=dict)
    """For operators that the runtime cannot run: the reason, by the operator's key."""
    metric: str = field(default="latency", init=False)
    unit: str = field(default="ms", init=False)

    @property
    def family(self) -> str:
        """Name of the family whose architectures are predicted."""
        return self.profile.family

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.family, self.operator_ms, self.unsupported)

    @property
    def complete(self) -> bool:
        """Whether every operator of the family has a time."""
        return len(self.operator_ms) == len(find_family(self.family).all_operators)

    def missing(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """(N,) number of operators of each architecture that have no time.

        Both branches are counted. An architecture without such operators can be predicted.
        """
        return self.missing_choices(self._encoder.choices(architectures))

    def missing_choices(self, choices: np.ndarray) -> np.ndarray:
        """(N,) the same as `missing`, for architectures given as (N, L) indices of chosen values."""
        return self._encoder.missing(choices)

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Predict milliseconds per frame: of the search branch, at batch size 1 and the device's usual speed."""
        return self.predict_choices(self._encoder.choices(architectures))

    def predict_choices(self, choices: np.ndarray) -> Prediction:
        chunks = (self._encoder.encode_choices(choices[i : i + _CHUNK]) for i in range(0, len(choices), _CHUNK))
        value = finite(np.concatenate([np.empty(0), *(self.model.predict(chunk) for chunk in chunks)]), self.metric)
        return Prediction(value, *self.interval.around(value))

    def template_ms(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """Predict the (N,) milliseconds of the template branch, which runs once for each target."""
        return self.template_ms_choices(self._encoder.choices(architectures))

    def template_ms_choices(self, choices: np.ndarray) -> np.ndarray:
        """(N,) the same as `template_ms`, for architectures given as (N, L) indices of chosen values."""
        return finite(self.template_line(self._encoder.encode_choices(choices, "template").table_ms), self.metric)

    def save(self, path: Path) -> None:
        sizes = find_family(self.family).settings
        record = {
            "format": FORMAT,
            "quantity": self.metric,
            "unit": self.unit,
            "family": self.family,
            "template_size": sizes.template_size,
            "search_size": sizes.search_size,
            "profile": self.profile.to_json(),
            "reference_ms": self.reference_ms,
            **self.about,
            "interval": self.interval.factors,
            "template_line": vars(self.template_line),
            "model": self.model_name,
            "parameters": self.model.to_json(),
            "operator_ms": dict(self.operator_ms),
            "unsupported": dict(self.unsupported),
        }
        write_text(path, json.dumps(record, indent=1) + "\n")


def fit_template_line(encoder: Encoder, architectures: Sequence[Architecture], ms: np.ndarray) -> Line:
    """Fit the line that predicts milliseconds of the template branch from the table's sum over that branch.

    Args:
        encoder: Holds the milliseconds of the operators.
        architectures: N measured networks.
        ms: (N,) measured milliseconds of their template branches; empty if the family has no template branch.

    Returns:
        The line; 0 everywhere if there are no measurements.
    """
    return fit_line(encoder.encode(architectures, "template").table_ms, ms) if len(ms) else Line(0.0, 0.0)


def held_out_rows(
    architectures: Sequence[Architecture], predicted: np.ndarray, measured: np.ndarray, low: np.ndarray, high: np.ndarray
) -> list[dict]:
    """Records of measured networks, each predicted by a model that was not fitted on it.

    They are kept in the predictor's file as `held_out`; `predictors/report.py` reads them.

    Args:
        architectures: N measured networks.
        predicted: (N,) milliseconds.
        measured: (N,) milliseconds.
        low: (N,) lower ends of the intervals, in milliseconds.
        high: (N,) upper ends of the intervals, in milliseconds.
    """
    columns = zip(architectures, predicted, measured, low, high, strict=True)
    names = ("predicted_ms", "measured_ms", "low_ms", "high_ms")
    return [{"name": architecture.name, **dict(zip(names, map(float, figures), strict=True))} for architecture, *figures in columns]


def from_json(record: dict) -> LatencyPredictor:
    """Build the predictor from a record that `LatencyPredictor.save` wrote.

    Raises:
        KeyError, TypeError, ValueError: The record is incomplete or malformed, or its family is unknown or has other input sizes now.
    """
    profile = Profile.from_json(record["profile"])
    _check_family(record, profile)
    model = MODELS[record["model"]].from_json(record["parameters"])
    interval = Interval.of_factors(**numbers(record["interval"]))
    reference_ms = numbers({"reference_ms": record["reference_ms"]})["reference_ms"]
    if not reference_ms > 0:
        raise ValueError("its reference_ms, which must be above 0")
    line, operator_ms, unsupported = typed(Line, record["template_line"]), numbers(record["operator_ms"]), texts(record["unsupported"])
    about = {"fit": record["fit"]}
    return LatencyPredictor(profile, reference_ms, operator_ms, record["model"], model, line, interval, about, unsupported)


def _check_family(record: dict, profile: Profile) -> None:
    """Refuse a predictor of an unknown family, or one that was fitted when its family had crops of other sizes."""
    family = find_family(record["family"])
    if profile.family != family.name:
        raise ValueError(f"its family: it is {family.name!r}, its profile says {profile.family!r}")
    sizes = family.settings
    known, wanted = (record["template_size"], record["search_size"]), (sizes.template_size, sizes.search_size)
    if known != wanted:
        raise ValueError(
            f"its input sizes: it knows template crops of {known[0]!r:.20} px and search crops of {known[1]!r:.20} px, the family "
            f"{family.name} has {wanted[0]} and {wanted[1]} px"
        )
