"""A candidate of a search: an architecture together with its figures and how each of them was obtained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from search.metrics.metric import Figure, Metric
from supernet.space import Architecture


@dataclass(frozen=True)
class Candidate:
    """One architecture that a search has evaluated."""

    number: int
    """Number of its trial in the study."""
    architecture: Architecture
    figures: Mapping[Metric, Figure]
    """The figure of each metric. A measured figure replaces the predicted one. If the candidate was judged again on further sequences,
    the result is a figure of its own (`Metric.found_again`)."""
    feasible: bool = True
    """Whether the candidate meets every constraint of its search; measured figures count in place of predicted ones."""
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """By kind of metric, the judge's score on each validation sequence of the search."""
    rescored: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """By kind of metric, the score on each rescoring sequence, none of which is used by the search; empty if it was not rescored."""
    recalibrated: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """By kind of metric, the mean score over the search's sequences for each further draw of calibration pairs; empty if none was tried."""
    strategy: str = ""
    """Name of the strategy that proposed it."""
    seconds: float = 0.0
    """Time that its evaluation took, in seconds."""

    def value(self, metric: Metric) -> float:
        """Return the value of a metric.

        Raises:
            KeyError: The candidate has no figure of it.
        """
        return self.figures[metric].value

    def accuracy(self, metric: Metric) -> Figure:
        """Return the most reliable figure of an accuracy: the one found again on further sequences, if there is one."""
        return self.figures.get(metric.found_again) or self.figures[metric]

    def cost(self, metric: Metric) -> float:
        """Return the largest value of a metric over all devices that the candidate has figures for."""
        return max(figure.value for other, figure in self.figures.items() if other.kind == metric.kind)

    def is_measured(self, metric: Metric) -> bool:
        """Whether a figure that was predicted at first has been measured."""
        return self.figures[metric].predicted is not None

    def to_json(self) -> dict:
        """Return number, figures and feasibility as JSON; the architecture has a record of its own."""
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
