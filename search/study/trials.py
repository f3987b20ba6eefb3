"""What a trial of a study says of its candidate.

From its beginning a trial carries the user attributes `strategy`, `values` and `noise` (the cheap figures by name); from its end
`outcome` (`scores` by accuracy, on each sequence, and `seconds`) or `error`. What is found later stands in notes of the study
(`rescored:NUMBER`, `recalibrated:NUMBER`, `measured:NUMBER`), because Optuna closes a trial when it ends; the note `about` says
what holds for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from search.study.candidate import Candidate, Source
from search.judging.noise import standard_error
from search.problem.objectives import ACCURACIES, Problem
from supernet.families import FAMILIES
from supernet.families.lighttrack.space import LightTrackFamily
from supernet.space import Architecture

Kind = Literal["rescored", "recalibrated", "measured"]
"""What may be found of a candidate after its end."""


@dataclass(frozen=True)
class About:
    """What holds for all candidates of a study."""

    family: LightTrackFamily
    sources: Mapping[str, Source]
    """How figures are obtained, by name."""
    limits: Mapping[str, float]
    """The largest value that meets the constraints, by figure."""

    @classmethod
    def of(cls, problem: Problem) -> About:
        """What holds in a search for this problem."""
        figures = (*ACCURACIES.values(), *problem.figures)
        limits = {constraint.objective.name: constraint.limit for constraint in problem.constraints}
        return cls(problem.family, {figure.name: figure.source for figure in figures}, limits)

    @classmethod
    def from_json(cls, record: dict) -> About:
        """Read what `to_json` made."""
        return cls(FAMILIES[record["family"]], record["sources"], record["limits"])

    def meets(self, values: Mapping[str, float]) -> bool:
        """Whether figures by name lie within the limits."""
        return all(values[name] <= limit for name, limit in self.limits.items())

    def to_json(self) -> dict:
        """The note `about`."""
        return {"family": self.family.name, "sources": dict(self.sources), "limits": dict(self.limits)}


def figures_in(attributes: Mapping[str, Any]) -> dict[str, float]:
    """Every figure by name, of a finished trial's attributes."""
    return {name: _mean(each) for name, each in attributes["outcome"]["scores"].items()} | attributes["values"]


def _mean(scores: Sequence[float]) -> float:
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
    values = figures_in(attributes)
    return Candidate(
        number=number,
        architecture=arch,
        values=values,
        sources=about.sources,
        noise={name: standard_error(each) for name, each in outcome["scores"].items()} | attributes["noise"],
        feasible=about.meets(values),
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
        candidate = _rescored(candidate, rescored)
    if recalibrated := notes.get(f"recalibrated:{candidate.number}"):
        candidate = replace(candidate, recalibrated={name: tuple(each) for name, each in recalibrated.items()})
    return candidate


def _measured(candidate: Candidate, figures: Mapping[str, float], about: About) -> Candidate:
    values = {**candidate.values, **figures}
    unmeasured = {name for name, source in candidate.sources.items() if source != "measured"}
    return replace(
        candidate,
        values=values,
        sources={**candidate.sources, **dict.fromkeys(figures, "measured")},
        noise={name: noise for name, noise in candidate.noise.items() if name not in figures},
        feasible=about.meets(values),
        predicted={**candidate.predicted, **{name: candidate.values[name] for name in figures if name in unmeasured}},
    )


def _rescored(candidate: Candidate, scores: Mapping[str, Sequence[float]]) -> Candidate:
    return replace(
        candidate,
        values={**candidate.values, **{f"{name}_rescored": _mean(each) for name, each in scores.items()}},
        sources={**candidate.sources, **{f"{name}_rescored": "inherited weights" for name in scores}},
        noise={**candidate.noise, **{f"{name}_rescored": standard_error(each) for name, each in scores.items()}},
        rescored={name: tuple(each) for name, each in scores.items()},
    )
