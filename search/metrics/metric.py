"""What architectures are judged by, as data: a metric, one figure of it, and what a kind of metric provides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from predictors.predictor import Predictor
from supernet.families.family import Family

Source = Literal["counted", "predicted", "inherited weights", "measured", "retrained"]
"""How a figure came about: counted from the operators, predicted by a model, found with the supernet's weights, measured on a
device, or found with weights of the architecture's own."""
Evaluate = Callable[[np.ndarray], np.ndarray]
"""(N, L) indices of chosen values, as `SearchSpace.indices` makes them, to (N,) values."""


@dataclass(frozen=True)
class Metric:
    """One thing that candidates are judged by."""

    kind: str
    """What it is: a key of `METRICS`, or a word of one's own."""
    unit: str = ""
    """Empty for a share from 0 to 1."""
    direction: Literal["minimize", "maximize"] = "minimize"
    source: Source = "counted"
    """How its figures come about, unless one says otherwise."""
    device: str = ""
    """Which of several devices it is about; empty where there is one or none."""
    again: bool = False
    """Whether it was found a second time, on sequences that had no part in choosing the candidate."""

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:  # candidates are asked for their figures by metric, hundreds of thousands of times
        return hash((self.kind, self.unit, self.direction, self.source, self.device, self.again))

    def __getstate__(self) -> dict:  # the hash of a text is another one in the next process
        return {name: value for name, value in vars(self).items() if name != "_hash"}

    @property
    def name(self) -> str:
        """How files and columns call it. Nobody reads anything from it: records carry the fields.

        >>> Metric("latency", "ms", device="phone").name, Metric("ao", again=True).name
        ('latency_ms:phone', 'ao_rescored')
        """
        unit = f"_{self.unit.lower()}" if self.unit in ("ms", "MB", "mJ") else ""
        return f"{self.kind}{unit}{'_rescored' if self.again else ''}{f':{self.device}' if self.device else ''}"

    @property
    def limit_name(self) -> str:
        """What an upper limit of it is called.

        >>> Metric("macs").limit_name, Metric("latency", "ms", device="phone").limit_name
        ('max_macs', 'max_latency:phone')
        """
        return f"max_{self.kind}" + (f":{self.device}" if self.device else "")

    @property
    def sign(self) -> int:
        """What its values are multiplied with so that small is good."""
        return -1 if self.direction == "maximize" else 1

    @property
    def found_again(self) -> Metric:
        """The same, found a second time on other sequences."""
        return replace(self, again=True)

    def to_json(self) -> dict:
        """The record that `from_json` reads, its name beside it."""
        return {"name": self.name, **asdict(self)}

    @classmethod
    def from_json(cls, record: Mapping) -> Metric:
        """Read what `to_json` made.

        Raises:
            KeyError: Something is missing.
        """
        return cls(*(record[name] for name in ("kind", "unit", "direction", "source", "device", "again")))


@dataclass(frozen=True, slots=True)
class Figure:
    """What a metric says of one candidate."""

    value: float
    noise: float | None = None
    """Uncertainty, one standard error or half an interval, in the metric's unit; None where it is unknown."""
    source: Source = "counted"
    predicted: float | None = None
    """What had been predicted, where the value was measured."""


@dataclass(frozen=True)
class Objective:
    """A metric, and how it is found of any architecture."""

    metric: Metric
    evaluate: Evaluate | None = None
    """Its values, (N,); None for a costly metric, whose values workers bring."""
    noise: Evaluate | None = None
    """Half the width of each value's interval, (N,), where it is known."""

    @property
    def cheap(self) -> bool:
        """Whether it can be evaluated without weights."""
        return self.evaluate is not None

    def of(self, choices: np.ndarray) -> np.ndarray:
        """Values (N,) of a cheap metric of architectures given as (N, L) integers."""
        assert self.evaluate is not None, f"{self.metric.name} is costly"
        return self.evaluate(choices)


@dataclass(frozen=True)
class Known:
    """What metrics are found from."""

    family: Family
    predictors: Mapping[str, Sequence[tuple[str, Predictor]]]
    """Predictors by metric, each with the name of its device; the name is empty where a metric has only one predictor."""


@dataclass(frozen=True)
class MetricKind:
    """A kind of metric; one of `METRICS`."""

    name: str
    """What a person types."""
    title: str
    """In words, as the page shows it."""
    objectives: Callable[[Known], list[Objective]]
    """One for each device that is known, or one; none where what it needs is missing."""
    parse: Callable[[str | float], float] | None = None
    """Reads an upper limit; None where there can be none."""
    limit: str = ""
    """What an upper limit limits, for the help of its flag."""
    noun: str = ""
    """What a network takes less of, for sentences: time, memory."""
    faster: bool = False
    """Whether less of it is called faster, not cheaper."""
    predictor: str = ""
    """Quantity whose predictor it needs; empty where it needs none."""
