"""A fitted predictor, and the file that it is kept in (JSON, XGBoost's own JSON inside)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from latency_tables.measuring.chains import all_operators
from predictors import MODELS
from predictors.encoding import Encoded, Encoder
from predictors.models.lookup import Line
from supernet.families import FAMILIES
from supernet.space import Architecture
from tracking.files.atomic import write_text
from tracking.files.records import numbers, read_record, texts, typed

FORMAT = "chiptrack-predictor-3"
COVERAGE = 0.9
"""Share of new measurements that intervals are to hold."""
_CHUNK = 4096
"""Architectures that are encoded at once: what fits into a core's cache."""


@dataclass(frozen=True)
class Prediction:
    """Values with an interval, one for each architecture."""

    value: np.ndarray
    """(N,) most likely."""
    low: np.ndarray
    """(N,) lower end of the interval."""
    high: np.ndarray
    """(N,) upper end of the interval."""


class Model(Protocol):
    """A way to predict (N,) milliseconds; one of `MODELS`."""

    @classmethod
    def fit(cls, encoded: Encoded, ms: np.ndarray) -> Self: ...

    def predict(self, encoded: Encoded) -> np.ndarray: ...

    def to_json(self) -> dict: ...

    @classmethod
    def from_json(cls, record: dict) -> Self: ...


@dataclass(frozen=True)
class Interval:
    """Where measurements lie relative to predictions."""

    low: float
    """Factor of the lower end."""
    high: float
    """Factor of the upper end."""
    coverage: float
    """Share of other networks of the same measurement expected inside, 0..1."""

    def __post_init__(self):
        if not (0 < self.low <= self.high and 0 <= self.coverage <= 1):
            raise ValueError(f"an interval must have factors 0 < low <= high and a coverage within 0..1, got {self}")


@dataclass(frozen=True)
class LatencyPredictor:
    """Milliseconds of a frame (search branch) and of a new target (template branch), from a latency table and a model over it."""

    family: str
    operator_ms: Mapping[str, float]
    """Milliseconds of the operators by key, from the table."""
    model_name: str
    """One of `MODELS`."""
    model: Model
    template_line: Line
    """Over the table's sum of the template branch."""
    interval: Interval
    about: Mapping[str, Any] = field(default_factory=dict)
    """Profile of the table, scores of the fit."""
    unsupported: Mapping[str, str] = field(default_factory=dict)
    """Why the runtime cannot run an operator, by key."""
    quantity: str = field(default="latency", init=False)
    unit: str = field(default="ms", init=False)

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.family, self.operator_ms, self.unsupported)

    @property
    def template_size(self) -> int:
        """Side of the template crop in pixels that it is valid for."""
        return FAMILIES[self.family].template_size

    @property
    def search_size(self) -> int:
        """Side of the search crop in pixels that it is valid for."""
        return FAMILIES[self.family].search_size

    @property
    def complete(self) -> bool:
        """Whether every operator of the family has a time."""
        return len(self.operator_ms) == len(all_operators(FAMILIES[self.family]))

    def missing(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """(N,) how many operators of each architecture have no time, so that it cannot be predicted."""
        return self.missing_choices(self._encoder.choices(architectures))

    def missing_choices(self, choices: np.ndarray) -> np.ndarray:
        """(N,) as `missing`, of architectures given as (N, L) integers."""
        return self._encoder.missing(choices)

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Predict milliseconds per frame: the search branch, batch size 1, at the device's usual speed.

        Raises:
            ValueError: An architecture is of another family.
            MissingOperators: The table lacks operators of these architectures.
        """
        return self.predict_choices(self._encoder.choices(architectures))

    def predict_choices(self, choices: np.ndarray) -> Prediction:
        """Predict as `predict` does, from numbers and without listing operators: for searches that ask about millions.

        Args:
            choices: (N, L) index of the chosen value of every choice, in the family's order; those that change nothing may be anything.

        Raises:
            ValueError: They are not such integers.
            MissingOperators: The table lacks operators of these architectures.
        """
        chunks = (self._encoder.encode_choices(choices[i : i + _CHUNK]) for i in range(0, len(choices), _CHUNK))
        value = np.concatenate([np.empty(0), *(self.model.predict(chunk) for chunk in chunks)])
        return Prediction(value, value * self.interval.low, value * self.interval.high)

    def template_ms(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """Predict (N,) milliseconds of the template branch, which runs once for each target."""
        return self.template_ms_choices(self._encoder.choices(architectures))

    def template_ms_choices(self, choices: np.ndarray) -> np.ndarray:
        """(N,) as `template_ms`, of architectures given as (N, L) integers."""
        return self.template_line(self._encoder.encode_choices(choices, "template").table_ms)

    def save(self, path: Path) -> None:
        """Write the predictor as JSON."""
        record = {
            "format": FORMAT,
            "quantity": self.quantity,
            "unit": self.unit,
            "family": self.family,
            "template_size": self.template_size,
            "search_size": self.search_size,
            **self.about,
            "interval": vars(self.interval),
            "template_line": vars(self.template_line),
            "model": self.model_name,
            "parameters": self.model.to_json(),
            "operator_ms": dict(self.operator_ms),
            "unsupported": dict(self.unsupported),
        }
        write_text(path, json.dumps(record, indent=1) + "\n")


def held_out_rows(
    architectures: Sequence[Architecture], predicted: np.ndarray, measured: np.ndarray, low: np.ndarray | float, high: np.ndarray | float
) -> list[dict]:
    """What a file keeps of measured networks that were predicted without them, as `predictors/report.py` reads it.

    Args:
        architectures: N of them.
        predicted: (N,) milliseconds.
        measured: (N,) milliseconds.
        low: Factor of the lower end of the interval, or (N,) of them.
        high: Factor of the upper end.
    """
    columns = zip(architectures, predicted, measured, predicted * low, predicted * high, strict=True)
    names = ("predicted_ms", "measured_ms", "low_ms", "high_ms")
    return [{"name": architecture.name, **dict(zip(names, map(float, figures), strict=True))} for architecture, *figures in columns]


def load_predictor(path: Path) -> LatencyPredictor:
    """Read what `LatencyPredictor.save` wrote.

    Raises:
        ValueError: The file is not a predictor of this version, or its family has other input sizes now.
    """
    try:
        record = read_record(path)
    except (OSError, ValueError) as err:
        raise ValueError(
            f"a predictor must be a readable JSON file, {path} is not ({err}); write one with chiptrack fit-predictor"
        ) from err
    if record.get("format") != FORMAT:
        found = f"has {record['format']!r:.80}" if "format" in record else "has none"
        raise ValueError(f"a predictor must have the format {FORMAT}, {path} {found}; fit it again with chiptrack fit-predictor")
    try:
        if record["family"] not in FAMILIES:
            raise ValueError(f"family {record['family']!r} is unknown")
        _check_sizes(record)
        model = MODELS[record["model"]].from_json(record["parameters"])
        about = {name: record[name] for name in ("profile", "reference_ms", "fit")}
        interval, line = typed(Interval, record["interval"]), typed(Line, record["template_line"])
        operator_ms, unsupported = numbers(record["operator_ms"]), texts(record["unsupported"])
        return LatencyPredictor(record["family"], operator_ms, record["model"], model, line, interval, about, unsupported)
    except (KeyError, TypeError, ValueError) as err:
        reason = str(err).partition("\n")[0]  # XGBoost adds a stack trace
        raise ValueError(f"a predictor must be whole, {path} fails at {reason}; write it again with chiptrack fit-predictor") from err


def _check_sizes(record: dict) -> None:
    """Refuse a predictor that was fitted when its family had crops of other sizes."""
    family = FAMILIES[record["family"]]
    known, wanted = (record["template_size"], record["search_size"]), (family.template_size, family.search_size)
    if known != wanted:
        raise ValueError(
            f"its input sizes: it knows template crops of {known[0]!r:.20} px and search crops of {known[1]!r:.20} px, the family "
            f"{family.name} has {wanted[0]} and {wanted[1]} px"
        )
