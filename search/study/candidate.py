"""An architecture together with what is known of it, and how each figure was obtained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from search.metrics.metric import Figure, Metric
from supernet.space import Architecture


@dataclass(frozen=True)
class Candidate:
    """One architecture that a search has looked at."""

    number: int
    """Its trial in the study."""
    architecture: Architecture
    figures: Mapping[Metric, Figure]
    """What each metric says; a latency that was measured stands in place of the predicted one. Where it was judged again on more
    sequences, that is a figure of its own (`Metric.found_again`)."""
    feasible: bool = True
    """Whether it meets every constraint of its search; by measurement, where it was measured."""
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """By kind of metric what the judge said on each validation sequence of the search."""
    rescored: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """The same on each rescoring sequence, disjoint from those of the search; empty where it was not rescored."""
    recalibrated: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Means over the sequences of the search, each time calibrated on other pairs; empty where that was not tried."""
    strategy: str = ""
    """The strategy that asked for it."""
    seconds: float = 0.0
    """Time that its evaluation took."""

    def value(self, metric: Metric) -> float:
        """What a metric says of it."""
        return self.figures[metric].value

    def accuracy(self, metric: Metric) -> Figure:
        """The best founded figure of an accuracy: found again where it was."""
        return self.figures.get(metric.found_again) or self.figures[metric]

    def cost(self, metric: Metric) -> float:
        """The largest value of a metric over all devices, where there is one for each."""
        return max(figure.value for other, figure in self.figures.items() if other.kind == metric.kind)

    def is_measured(self, metric: Metric) -> bool:
        """Whether a figure that is predicted at first was measured."""
        return self.figures[metric].predicted is not None

    def to_json(self) -> dict:
        """Everything but the architecture, which has a record of its own, and single sequences."""
        figures = {metric.name: figure for metric, figure in self.figures.items()}
        predicted = {name: figure.predicted for name, figure in figures.items() if figure.predicted is not None}
        return {
            "number": self.number,
            "values": {name: figure.value for name, figure in figures.items()},
            "sources": {name: figure.source for name, figure in figures.items()},
            "noise": {name: figure.noise for name, figure in figures.items() if figure.noise is not None},
            **({"predicted": predicted} if predicted else {}),
            "feasible": self.feasible,
        }
