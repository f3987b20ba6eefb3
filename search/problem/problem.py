"""What one search optimises and what it must not exceed, as data.

Cheap metrics follow from the architecture alone. They are evaluated in the process of the search, on architectures given as indices, so
that strategies may ask about hundreds of thousands. Costly metrics need weights and video; their values come from workers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from search.metrics.metric import Figure, Metric, Objective
from search.metrics.predicted import LATENCY, TEMPLATE
from supernet.families.family import Family
from supernet.space import Architecture, SearchSpace
from tracking.camera.schedule import Camera

_WITH_WEIGHTS = ("inherited weights", "retrained")
"""Sources of figures that say how well a network tracks, even if a small one is good, as a loss is."""


@dataclass(frozen=True)
class Constraint:
    """An upper limit of a cheap metric."""

    objective: Objective
    """The metric, and how it is evaluated."""
    limit: float
    """Largest value allowed, in the metric's unit."""

    @property
    def name(self) -> str:
        """Name of the limit, e.g. `max_latency:phone`."""
        return self.objective.metric.limit_name

    def excess(self, values: np.ndarray) -> np.ndarray:
        """(N,) excess of N values over the limit, as a share of the limit; a value is feasible if its excess is <= 0.

        If the limit is 0, the excess is the value itself. Worked example: with a limit of 8 ms, a value of 10 ms has an excess of 0.25.
        """
        return values / self.limit - 1 if self.limit else values


@dataclass(frozen=True)
class Problem:
    """The objectives, constraints and planned evaluations of one search."""

    family: Family
    """The family whose architectures are searched."""
    objectives: tuple[Objective, ...]
    """What is optimised: accuracies, then costs. The first cost decides between ties in the first accuracy; see `deciding`."""
    constraints: tuple[Constraint, ...]
    """Limits that an architecture must meet to be evaluated at all."""
    evaluations: int
    """Planned number of evaluated architectures."""
    noted: tuple[Objective, ...] = ()
    """Further cheap metrics whose figures candidates carry, for the record."""
    scored: tuple[Metric, ...] = ()
    """Further costly metrics that the judge reports."""
    part: SearchSpace | None = None
    """The part of the family's space that is searched: the same choices with fewer values; None for the whole space."""

    @property
    def space(self) -> SearchSpace:
        """The space that is searched. Indices of chosen values always refer to the family's whole space, even if a part is searched."""
        return self.part or self.family.space

    @property
    def cheap(self) -> tuple[Objective, ...]:
        """Every cheap metric once: of the objectives, of the constraints, and of `noted`."""
        every = (*self.objectives, *(constraint.objective for constraint in self.constraints), *self.noted)
        return tuple({each.metric: each for each in every if each.cheap}.values())

    @property
    def costly(self) -> tuple[Metric, ...]:
        """Every metric that the judge reports, once."""
        return tuple(dict.fromkeys((*(each.metric for each in self.objectives if not each.cheap), *self.scored)))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics of the candidates, the costly ones first."""
        return (*self.costly, *(each.metric for each in self.cheap))

    def excess(self, choices: np.ndarray) -> np.ndarray:
        """(N, C) excess of N architectures over C limits, each as a share of the limit; an architecture is feasible if all are <= 0.

        Args:
            choices: (N, L) index of the chosen value of every choice, in the family's order.
        """
        columns = [constraint.excess(constraint.objective.of(choices)) for constraint in self.constraints]
        return np.stack(columns, axis=1) if columns else np.empty((len(choices), 0))

    def figures(self, architecture: Architecture) -> dict[Metric, Figure]:
        """The figures of all cheap metrics for one architecture."""
        choices = self.family.space.indices([architecture])
        return {each.metric: _figure(each, choices) for each in self.cheap}

    def cameras(self, architecture: Architecture, known: Mapping[Metric, Figure] | None = None) -> dict[str, Camera]:
        """The cameras that an architecture is judged behind, by the spelling of their metric.

        Args:
            architecture: An architecture of the family.
            known: Figures of a candidate, whose latencies take the place of the predicted ones.
        """
        choices, found = self.family.space.indices([architecture]), {}
        for each in self.objectives:
            if each.times is not None:
                device, predicted = each.metric.device, each.times(choices)[0].tolist()
                figures = [(known or {}).get(replace(metric, device=device)) for metric in (LATENCY, TEMPLATE)]
                frame, target = (ms if figure is None else figure.value for figure, ms in zip(figures, predicted, strict=True))
                found[each.metric.spelling] = Camera(each.metric.fps, frame, target)
        return found


def _figure(objective: Objective, choices: np.ndarray) -> Figure:
    noise = None if objective.noise is None else float(objective.noise(choices)[0])
    return Figure(float(objective.of(choices)[0]), noise, objective.metric.source)


def deciding(metrics: Iterable[Metric]) -> tuple[Metric, Metric]:
    """The accuracy that ranks candidates, and the cost that decides between ties.

    Args:
        metrics: At least one accuracy and one cost. An accuracy is found with weights, or is a metric to be maximised; a cost is to be
            minimised. The first of each is taken.

    Raises:
        StopIteration: One of them is missing.
    """
    every: Sequence[Metric] = tuple(metrics)
    accuracy = next((m for m in every if m.source in _WITH_WEIGHTS), None) or next(m for m in every if m.direction == "maximize")
    return accuracy, next(m for m in every if m.direction == "minimize" and m.source not in _WITH_WEIGHTS)
