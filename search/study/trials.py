"""What a trial of a study says of its candidate.

From its beginning a trial carries the user attributes `strategy`, `values` and `noise` (of the cheap metrics, by name); from its end
`outcome` (`scores` by kind of metric, on each sequence, and `seconds`) or `error`. What is found later stands in notes of the study
(`rescored:NUMBER`, `recalibrated:NUMBER`, `measured:NUMBER`), because Optuna closes a trial when it ends; the note `about` says
what holds for all of them, the metrics behind the names among it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from search.judging.noise import standard_error
from search.metrics.metric import Figure, Metric
from search.problem.problem import Problem
from search.study.candidate import Candidate
from supernet.catalogue import find_family
from supernet.families.family import Family
from supernet.space import Architecture

Kind = Literal["rescored", "recalibrated", "measured"]
"""What may be found of a candidate after its end."""


@dataclass(frozen=True)
class About:
    """What holds for all candidates of a study."""

    family: Family
    metrics: Mapping[str, Metric]
    """What candidates are known by, by name."""
    limits: Mapping[str, float]
    """The largest value that meets the constraints, by the metric's name."""

    @classmethod
    def of(cls, problem: Problem) -> About:
        """What holds in a search for this problem."""
        limits = {constraint.objective.metric.name: constraint.limit for constraint in problem.constraints}
        return cls(problem.family, {metric.name: metric for metric in problem.metrics}, limits)

    @classmethod
    def from_json(cls, record: dict) -> About:
        """Read what `to_json` made."""
        metrics = (Metric.from_json(each) for each in record["metrics"])
        return cls(find_family(record["family"]), {metric.name: metric for metric in metrics}, record["limits"])

    def to_json(self) -> dict:
        """The note `about`."""
        metrics = [metric.to_json() for metric in self.metrics.values()]
        return {"family": self.family.name, "metrics": metrics, "limits": dict(self.limits)}

    def meets(self, figures: Mapping[Metric, Figure]) -> bool:
        """Whether figures lie within the limits."""
        return all(figures[self.metrics[name]].value <= limit for name, limit in self.limits.items())

    def value(self, metric: Metric, attributes: Mapping[str, Any]) -> float:
        """What a metric says of a finished trial, from its attributes."""
        values = attributes["values"]
        return values[metric.name] if metric.name in values else mean(attributes["outcome"]["scores"][metric.kind])

    def figures(self, attributes: Mapping[str, Any]) -> dict[Metric, Figure]:
        """Every figure of a finished trial, from its attributes."""
        noise = attributes["noise"]
        found = {
            metric: Figure(mean(each), standard_error(each), metric.source) for metric, each in self.scored(attributes["outcome"]["scores"])
        }
        for name, value in attributes["values"].items():
            metric = self.metrics[name]
            found[metric] = Figure(value, noise.get(name), metric.source)
        return found

    def scored(self, scores: Mapping[str, Sequence[float]]) -> list[tuple[Metric, Sequence[float]]]:
        """Metrics that a judge told, with the scores on each sequence; it may tell more than candidates are known by."""
        return [(self._by_kind[kind], each) for kind, each in scores.items() if kind in self._by_kind]

    @cached_property
    def _by_kind(self) -> dict[str, Metric]:
        return {metric.kind: metric for metric in self.metrics.values()}


def mean(scores: Sequence[float]) -> float:
    """Of scores on several sequences."""
    return sum(scores) / len(scores)


def candidate_of(number: int, arch: Architecture, attributes: Mapping[str, Any], about: About) -> Candidate:
    """The candidate of a finished trial, without what later notes say of it.

    Args:
        number: Of the trial.
        arch: What it sampled.
        attributes: Its user attributes.
        about: What holds for all candidates.
    """
    outcome = attributes["outcome"]
    figures = about.figures(attributes)
    return Candidate(
        number=number,
        architecture=arch,
        figures=figures,
        feasible=about.meets(figures),
        scores={name: tuple(each) for name, each in outcome["scores"].items()},
        strategy=attributes["strategy"],
        seconds=outcome["seconds"],
    )


def with_notes(candidate: Candidate, notes: Mapping[str, Mapping[str, Any]], about: About) -> Candidate:
    """A candidate with what the notes of its study say of it; once more, if notes were added.

    Args:
        candidate: As `candidate_of` made it, or with earlier notes.
        notes: All of the study, by name.
        about: What holds for all candidates.
    """
    if measured := notes.get(f"measured:{candidate.number}"):
        candidate = _measured(candidate, measured, about)
    if rescored := notes.get(f"rescored:{candidate.number}"):
        candidate = _rescored(candidate, rescored, about)
    if recalibrated := notes.get(f"recalibrated:{candidate.number}"):
        candidate = replace(candidate, recalibrated={name: tuple(each) for name, each in recalibrated.items()})
    return candidate


def _measured(candidate: Candidate, values: Mapping[str, float], about: About) -> Candidate:
    found = {}
    for name, value in values.items():
        before = candidate.figures[about.metrics[name]]
        predicted = before.value if before.predicted is None else before.predicted
        found[about.metrics[name]] = Figure(value, None, "measured", predicted)
    figures = {**candidate.figures, **found}
    return replace(candidate, figures=figures, feasible=about.meets(figures))


def _rescored(candidate: Candidate, scores: Mapping[str, Sequence[float]], about: About) -> Candidate:
    found = {metric.found_again: Figure(mean(each), standard_error(each), metric.source) for metric, each in about.scored(scores)}
    kept = {name: tuple(each) for name, each in scores.items()}
    return replace(candidate, figures={**candidate.figures, **found}, rescored=kept)
