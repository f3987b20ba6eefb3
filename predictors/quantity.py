"""A fitted predictor of a quantity that is no sum over a latency table, and its file (JSON, XGBoost's own JSON inside).

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

from predictors.models.corrections import CORRECTIONS, Correction
from predictors.models.lookup import Line
from predictors.predictor import Prediction
from predictors.traits import TraitEncoder, Traits
from supernet.families import FAMILIES
from supernet.space import Architecture
from tracking.files.atomic import write_text
from tracking.files.records import numbers, read_record, typed

FORMAT = "chiptrack-quantity-1"
_CHUNK = 4096


@dataclass(frozen=True)
class Quantity:
    """What is predicted."""

    unit: str
    figure: Literal["megabytes", "work"]
    """Of the `Traits`, the one that the line is over."""
    relative: bool
    """Whether it is positive, and errors count relative to it; else it is a share of 0..1, without a line."""


QUANTITIES = {
    "memory": Quantity("MB", "megabytes", True),
    "energy": Quantity("mJ", "work", True),
    "accuracy": Quantity("AO", "work", False),
}
"""Growth of the peak resident memory; energy of a frame; average overlap, 0..1. Memory and energy are those of the search branch."""


@dataclass(frozen=True)
class QuantityPredictor:
    """One of `QUANTITIES` for the architectures of a family."""

    quantity: str
    family: str
    line: Line
    """Over the quantity's figure."""
    model_name: str
    """One of `CORRECTIONS`."""
    model: Correction
    """Of the logarithm of a relative quantity, of an accuracy as it is."""
    reach: float
    """How many times what the model says of its own uncertainty an interval extends to either side."""
    coverage: float
    """Share of new values expected inside an interval, 0..1."""
    operator_ms: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds of the operators by key, where the line is over the sum of a latency table."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Scores of the fit, and the profile of the table."""

    def __post_init__(self):
        if not (self.reach >= 0 and 0 <= self.coverage <= 1):
            raise ValueError(f"an interval must have a reach >= 0 and a coverage within 0..1, got {self.reach} and {self.coverage}")

    @property
    def unit(self) -> str:
        """Of the values."""
        return QUANTITIES[self.quantity].unit

    @property
    def search_size(self) -> int:
        """Side of the search crop in pixels that it is valid for."""
        return FAMILIES[self.family].search_size

    @cached_property
    def _encoder(self) -> TraitEncoder:
        return TraitEncoder(self.family, self.operator_ms)

    def predict(self, architectures: Sequence[Architecture]) -> Prediction:
        """Predict the quantity.

        Raises:
            ValueError: An architecture is of another family.
            MissingOperators: The latency table lacks operators of these architectures.
        """
        return self.predict_choices(self._encoder.choices(architectures))

    def predict_choices(self, choices: np.ndarray) -> Prediction:
        """Predict for architectures given as (N, L) integers, as `Encoder.choices` returns them."""
        chunks = [choices[i : i + _CHUNK] for i in range(0, len(choices), _CHUNK)] or [choices]
        value, low, high = np.concatenate([self._predict(self._encoder.encode(chunk)) for chunk in chunks], axis=1)
        return Prediction(value, low, high)

    def _predict(self, traits: Traits) -> np.ndarray:
        """(3, N) values and the ends of their intervals."""
        correction, doubt = self.model.predict(traits.features)
        middle = base(self.quantity, self.line, traits) + correction
        ends = np.stack([middle, middle - self.reach * doubt, middle + self.reach * doubt])
        return np.exp(ends) if QUANTITIES[self.quantity].relative else np.clip(ends, 0.0, 1.0)

    def save(self, path: Path) -> None:
        """Write the predictor as JSON."""
        record = {
            "format": FORMAT,
            "quantity": self.quantity,
            "unit": self.unit,
            "family": self.family,
            "about": dict(self.about),
            "line": vars(self.line),
            "model": self.model_name,
            "parameters": self.model.to_json(),
            "reach": self.reach,
            "coverage": self.coverage,
            "operator_ms": dict(self.operator_ms),
        }
        write_text(path, json.dumps(record) + "\n")


def base(quantity: str, line: Line, traits: Traits) -> np.ndarray:
    """(N,) what the line says, as the quantity's model adds to it: the logarithm of a relative quantity."""
    known = QUANTITIES[quantity]
    value = line(getattr(traits, known.figure))
    return np.log(np.maximum(value, 1e-9)) if known.relative else value


def load_quantity(path: Path) -> QuantityPredictor:
    """Read what `QuantityPredictor.save` wrote.

    Raises:
        ValueError: The file is not such a predictor, or not whole.
    """
    way_out = "write one with chiptrack fit-predictor --quantity"
    try:
        record = read_record(path)
    except (OSError, ValueError) as err:
        raise ValueError(f"a predictor of a quantity must be a readable JSON file, {path} is not ({err}); {way_out}") from err
    if record.get("format") != FORMAT:
        raise ValueError(f"a predictor of a quantity must have the format {FORMAT}, {path} has {record.get('format')!r:.80}; {way_out}")
    try:
        quantity, family, name = (_known(record, field, of) for field, of in _NAMES.items())
        operator_ms = numbers(record["operator_ms"])
        model = CORRECTIONS[name].from_json(record["parameters"], TraitEncoder(family, operator_ms).width)
        line, about = typed(Line, record["line"]), dict(record["about"])
        reach, coverage = numbers({name: record[name] for name in ("reach", "coverage")}).values()
        return QuantityPredictor(quantity, family, line, name, model, reach, coverage, operator_ms, about)
    except (KeyError, TypeError, ValueError) as err:
        reason = str(err).partition("\n")[0]  # XGBoost adds a stack trace
        raise ValueError(f"a predictor of a quantity must be whole, {path} fails at {reason}; {way_out}") from err


_NAMES = {"quantity": QUANTITIES, "family": FAMILIES, "model": CORRECTIONS}
"""Fields of a file that name one of these."""


def _known(record: dict, field: str, names: Mapping[str, object]) -> str:
    if record[field] not in names:
        raise ValueError(f"{field} {record[field]!r:.80}, known are {', '.join(names)}")
    return record[field]
