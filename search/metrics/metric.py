"""Metrics as data: what architectures are judged by, a figure of one architecture, and what a kind of metric provides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from predictors.predictor import Predictor
from supernet.families.family import Family
from tracking.files.records import typed

Source = Literal["counted", "predicted", "inherited weights", "measured", "retrained"]
"""How a figure was obtained: counted from the operators, predicted by a model, from tracking with weights inherited from the supernet,
measured on a device, or from tracking with the architecture's own, retrained weights."""
Evaluate = Callable[[np.ndarray], np.ndarray]
"""Function from N architectures, given as (N, L) indices of chosen values (see `SearchSpace.indices`), to (N,) values."""


@dataclass(frozen=True)
class Metric:
    """One thing that candidates are judged by."""

    kind: str
    """Kind of metric: a key of `METRICS`, or a word of your own for a metric of your own."""
    unit: str = ""
    """Unit of the values, e.g. ms; empty for a share of 0..1."""
    direction: Literal["minimize", "maximize"] = "minimize"
    source: Source = "counted"
    """How its figures are obtained; a figure may state another source."""
    device: str = ""
    """Name of the device that it is about, if a search has several; empty otherwise."""
    again: bool = False
    """Whether it comes from rescoring: judging again, on sequences that had no part in choosing the candidate."""
    fps: float = 0.0
    """Frames a second of the camera that the tracker stands behind; 0 without a camera, which shows every frame."""

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:  # candidates are asked for their figures by metric, hundreds of thousands of times
        return hash((self.kind, self.unit, self.direction, self.source, self.device, self.again, self.fps))

    def __getstate__(self) -> dict:  # the hash of a text is another one in the next process
        return {name: value for name, value in vars(self).items() if name != "_hash"}

    @property
    def name(self) -> str:
        """Name in files and columns. Nothing is parsed from it, since records carry the fields.

        >>> Metric("latency", "ms", device="phone").name, Metric("ao", again=True).name
        ('latency_ms:phone', 'ao_rescored')
        """
        unit = f"_{self.unit.lower()}" if self.unit in ("ms", "MB", "mJ") else ""
        return f"{self.rated_kind}{unit}{'_rescored' if self.again else ''}{f':{self.device}' if self.device else ''}"

    @property
    def rated_kind(self) -> str:
        """The kind, in which the rate of the camera takes the place of FPS.

        >>> Metric("ao@FPS", fps=29.97).rated_kind, Metric("ao").rated_kind
        ('ao@29.97', 'ao')
        """
        return self.kind.replace("FPS", f"{self.fps:g}") if self.fps else self.kind

    @property
    def spelling(self) -> str:
        """The metric as a person types it among the objectives, and as a judge names its scores.

        >>> Metric("ao@FPS", fps=30, device="phone").spelling, Metric("latency", "ms").spelling
        ('ao@30:phone', 'latency')
        """
        return self.rated_kind + (f":{self.device}" if self.device else "")

    @property
    def limit_name(self) -> str:
        """Name of an upper limit on this metric.

        >>> Metric("macs").limit_name, Metric("latency", "ms", device="phone").limit_name
        ('max_macs', 'max_latency:phone')
        """
        return f"max_{self.kind}" + (f":{self.device}" if self.device else "")

    @property
    def sign(self) -> int:
        """Factor that makes small values good: -1 for a metric to be maximised, else 1."""
        return -1 if self.direction == "maximize" else 1

    @property
    def best(self) -> str:
        """Word for the best value.

        >>> Metric("ao", direction="maximize").best
        'highest'
        """
        return "highest" if self.direction == "maximize" else "lowest"

    @property
    def found_again(self) -> Metric:
        """The same metric as it comes from rescoring; see `again`."""
        return replace(self, again=True)

    def to_json(self) -> dict:
        """The record that `from_json` reads: the name and the fields, the rate only where there is a camera."""
        record = {"name": self.name, **asdict(self)}
        return record if self.fps else {name: value for name, value in record.items() if name != "fps"}

    @classmethod
    def from_json(cls, record: Mapping) -> Metric:
        """Build the metric from a record that `to_json` made.

        Raises:
            KeyError: A field is missing.
            TypeError, ValueError: The record is no object, or a field is of another type or none of the known words.
        """
        fields = {name: record[name] for name in ("kind", "unit", "direction", "source", "device", "again")}
        return typed(cls, {**fields, "fps": record.get("fps", 0.0)})


@dataclass(frozen=True, slots=True)
class Figure:
    """The value of a metric for one candidate, with its uncertainty and source."""

    value: float
    noise: float | None = None
    """Uncertainty in the metric's unit: a standard error, or half the width of a prediction's interval; None if unknown."""
    source: Source = "counted"
    """How the value was obtained."""
    predicted: float | None = None
    """Value that was predicted before, if `value` was measured; else None."""


@dataclass(frozen=True)
class Objective:
    """A metric, and how its value is found for any architecture."""

    metric: Metric
    evaluate: Evaluate | None = None
    """Computes the values of a cheap metric; None for a costly metric, whose values come from workers."""
    noise: Evaluate | None = None
    """Computes half the width of each value's interval; None if there are no intervals."""
    times: Evaluate | None = None
    """For a metric of accuracy behind a camera: computes (N, 2) milliseconds, per frame and per new target; else None."""

    @property
    def cheap(self) -> bool:
        """Whether the metric follows from the architecture alone, without weights."""
        return self.evaluate is not None

    def of(self, choices: np.ndarray) -> np.ndarray:
        """(N,) values of a cheap metric for N architectures given as (N, L) indices of chosen values."""
        assert self.evaluate is not None, f"{self.metric.name} is costly"
        return self.evaluate(choices)


@dataclass(frozen=True)
class Known:
    """The family and the predictors that the values of cheap metrics are computed from."""

    family: Family
    predictors: Mapping[str, Sequence[tuple[str, Predictor]]]
    """Predictors by metric, each with the name of its device; the name is empty if the metric has only one predictor."""
    rates: Sequence[float] = ()
    """Frames a second of the cameras that a person asks for."""


@dataclass(frozen=True)
class MetricKind:
    """A kind of metric that a search offers, one of `METRICS`."""

    name: str
    """Name that a person types."""
    title: str
    """Title in words, as the page shows it."""
    objectives: Callable[[Known], list[Objective]]
    """Makes the objectives of this kind: one for each device, or a single one; an empty list if there is no predictor for it."""
    parse: Callable[[str | float], float] | None = None
    """Reads an upper limit as a person types it; None if this kind cannot be limited."""
    limit: str = ""
    """What an upper limit limits; it completes `Limit of ...` in the help of the flag."""
    noun: str = ""
    """What a cheaper network takes less of, for sentences: time, memory."""
    faster: bool = False
    """Whether a network that takes less of it is called faster rather than cheaper."""
    predictor: str = ""
    """Metric whose predictor it needs; empty if it needs none."""
    cases: str = "sequences"
    """Words for what each score of an accuracy is about: sequences, or groups of pairs."""

    def titled(self, metric: Metric) -> str:
        """The title in words of a metric of this kind; the rate of its camera takes the place of FPS."""
        return self.title.replace("FPS", f"{metric.fps:g}")
