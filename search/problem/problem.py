"""What one search optimises and what it must not exceed, as data.

Cheap metrics follow from the architecture alone: they are evaluated where the search runs, on architectures given as integers, so that
strategies may ask about hundreds of thousands. Costly ones need weights and video and are brought by workers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from search.metrics.metric import Figure, Metric, Objective
from supernet.families.family import Family
from supernet.space import Architecture, SearchSpace


@dataclass(frozen=True)
class Constraint:
    """An upper limit of a cheap metric."""

    objective: Objective
    limit: float

    @property
    def name(self) -> str:
        """As the command line spells it."""
        return self.objective.metric.limit_name

    def excess(self, values: np.ndarray) -> np.ndarray:
        """By which share of the limit each of (N,) values lies above it, (N,); feasible where <= 0. Of a limit of 0, the value."""
        return values / self.limit - 1 if self.limit else values


@dataclass(frozen=True)
class Problem:
    """What one search is about."""

    family: Family
    objectives: tuple[Objective, ...]
    """What is optimised: accuracies, then costs; between ties in the first accuracy the first cost decides, see `deciding`."""
    constraints: tuple[Constraint, ...]
    """What an architecture must meet before it is evaluated."""
    evaluations: int
    """How many are planned."""
    noted: tuple[Objective, ...] = ()
    """Further cheap metrics that candidates carry, for the record."""
    scored: tuple[Metric, ...] = ()
    """Further costly metrics that the judge tells."""
    part: SearchSpace | None = None
    """Where only a part of the family's space is searched: the same choices with fewer values."""

    @property
    def space(self) -> SearchSpace:
        """What is searched. Architectures as integers are always indices of the family's whole space."""
        return self.part or self.family.space

    @property
    def cheap(self) -> tuple[Objective, ...]:
        """Every cheap metric once: of the objectives, of the constraints, and what is noted."""
        every = (*self.objectives, *(constraint.objective for constraint in self.constraints), *self.noted)
        return tuple({each.metric: each for each in every if each.cheap}.values())

    @property
    def costly(self) -> tuple[Metric, ...]:
        """Every metric that the judge tells, once."""
        return tuple(dict.fromkeys((*(each.metric for each in self.objectives if not each.cheap), *self.scored)))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Everything that candidates are known by, the costly ones first."""
        return (*self.costly, *(each.metric for each in self.cheap))

    def excess(self, choices: np.ndarray) -> np.ndarray:
        """(N, C) by which share each of N architectures lies above each of C limits; feasible where all are <= 0."""
        columns = [constraint.excess(constraint.objective.of(choices)) for constraint in self.constraints]
        return np.stack(columns, axis=1) if columns else np.empty((len(choices), 0))

    def figures(self, architecture: Architecture) -> dict[Metric, Figure]:
        """What cheap metrics say of one architecture."""
        choices = self.family.space.indices([architecture])
        return {each.metric: _figure(each, choices) for each in self.cheap}


def _figure(objective: Objective, choices: np.ndarray) -> Figure:
    noise = None if objective.noise is None else float(objective.noise(choices)[0])
    return Figure(float(objective.of(choices)[0]), noise, objective.metric.source)


def deciding(metrics: Iterable[Metric]) -> tuple[Metric, Metric]:
    """The accuracy that ranks and the cost that decides between ties: the first that should be large, and the first that should be small."""
    every: Sequence[Metric] = tuple(metrics)
    return next(m for m in every if m.direction == "maximize"), next(m for m in every if m.direction == "minimize")
