"""How the attributes of a trial and the notes of its study describe a candidate.

From its beginning a trial has the user attributes `strategy`, and `values` and `noise` of the cheap metrics by name; from its end it has
`outcome` (`scores` by kind of metric on each sequence, and `seconds`) or `error`. Optuna closes a trial when it ends, so what is found
later is kept in notes of the study (`rescored:NUMBER`, `recalibrated:NUMBER`, `measured:NUMBER`). The note `predicted` holds predictions
that have replaced those of the trials, since a predictor was fitted again: by name of the metric and number of the trial, the value and
its noise. The note `about` holds what all trials share, such as the metrics that the names stand for.
"""

from __future__ import annotations

import math
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
from supernet.space import Architecture, Value
from tracking.files.records import is_number

_MOST = 1e300
PREDICTED = "predicted"
"""Name of the note with predictions that have replaced earlier ones."""
Kind = Literal["rescored", "recalibrated", "measured"]
"""What may be done with a candidate after its trial has ended, and is then recorded in a note."""


@dataclass(frozen=True)
class About:
    """What all candidates of a study share."""

    family: Family
    metrics: Mapping[str, Metric]
    """The metrics that candidates may have figures of, by name."""
    limits: Mapping[str, float]
    """Upper limits of the constraints, by the name of their metric."""

    @classmethod
    def of(cls, problem: Problem) -> About:
        """Return what all candidates of a search for this problem share."""
        limits = {constraint.objective.metric.name: constraint.limit for constraint in problem.constraints}
        return cls(problem.family, {metric.name: metric for metric in problem.metrics}, limits)

    @classmethod
    def from_json(cls, record: dict) -> About:
        """Read the record that `to_json` makes.

        Raises:
            KeyError, TypeError, ValueError: The record is another one.
        """
        metrics = [Metric.from_json(each) for each in record["metrics"]]
        limits = {name: finite_number(limit, name) for name, limit in record["limits"].items()}
        return cls(find_family(record["family"]), {metric.name: metric for metric in metrics}, limits)

    def to_json(self) -> dict:
        """Return the contents of the note `about`."""
        metrics = [metric.to_json() for metric in self.metrics.values()]
        return {"family": self.family.name, "metrics": metrics, "limits": dict(self.limits)}

    def meets(self, figures: Mapping[Metric, Figure]) -> bool:
        """Whether a candidate's figures lie within all limits."""
        return all(figures[self.metrics[name]].value <= limit for name, limit in self.limits.items())

    def value(self, metric: Metric, attributes: Mapping[str, Any]) -> float:
        """Return the value of a metric for a finished trial, from the trial's attributes."""
        values = attributes["values"]
        return (
            finite_number(values[metric.name], metric.name)
            if metric.name in values
            else mean(attributes["outcome"]["scores"][metric.spelling])
        )

    def figures(self, attributes: Mapping[str, Any]) -> dict[Metric, Figure]:
        """Return all figures of a finished trial, from its attributes."""
        noise = attributes["noise"]
        found = {
            metric: Figure(mean(each), standard_error(each), metric.source) for metric, each in self.scored(attributes["outcome"]["scores"])
        }
        for name, value in attributes["values"].items():
            metric = self.metrics[name]
            found[metric] = Figure(finite_number(value, name), finite_number(noise[name], name) if name in noise else None, metric.source)
        return found

    def scored(self, scores: Mapping[str, Sequence[float]]) -> list[tuple[Metric, Sequence[float]]]:
        """Pair metrics with a judge's scores on each sequence; scores of a metric that the study does not know are left out."""
        return [(self._by_spelling[name], each) for name, each in scores.items() if name in self._by_spelling]

    @cached_property
    def _by_spelling(self) -> dict[str, Metric]:
        return {metric.spelling: metric for metric in self.metrics.values()}


def mean(scores: Sequence[float]) -> float:
    """Return the mean of scores on several sequences.

    Raises:
        TypeError, ValueError, ZeroDivisionError: The scores are not finite numbers, or there are none.
    """
    found = sum(scores) / len(scores)
    if not math.isfinite(found) or not all(issubclass(kind, int | float) and kind is not bool for kind in set(map(type, scores))):
        raise ValueError(f"scores must be finite numbers, got {scores!s:.80}")
    return found


def finite_number(value: object, name: str) -> float:
    """Check that a stored value is a finite number, and return it.

    Raises:
        ValueError: It is not; the error names it.
    """
    if not is_number(value) or not -_MOST <= value <= _MOST:
        raise ValueError(f"{name:.40} must be a finite number, got {value!r:.40}")
    return value


def candidate_of(number: int, arch: Architecture, attributes: Mapping[str, Any], about: About) -> Candidate:
    """Return the candidate of a finished trial, without what later notes say of it.

    Args:
        number: Number of the trial.
        arch: The sampled architecture.
        attributes: User attributes of the trial.
        about: What all candidates of the study share.
    """
    outcome = attributes["outcome"]
    figures = about.figures(attributes)
    return Candidate(
        number=number,
        architecture=arch,
        figures=figures,
        feasible=about.meets(figures),
        scores={name: tuple(each) for name, each in outcome["scores"].items()},
        strategy=_text(attributes["strategy"]),
        seconds=finite_number(outcome["seconds"], "seconds"),
    )


def check_others(params: Mapping[str, Value], attributes: Mapping[str, Any], family: Family, failed: bool) -> None:
    """Check what a trial says besides its figures: chosen values, counts of rejected samples, and the reason of a failure.

    Raises:
        KeyError, AttributeError, ValueError: They are not as a search writes them.
    """
    family.space.check(params)
    for reason, count in attributes.get("rejected", {}).items():
        finite_number(count, reason)
    if failed:
        _text(attributes["error"])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a name must be text, got {value!r:.40}")
    return value


def with_notes(candidate: Candidate, notes: Mapping[str, Mapping[str, Any]], about: About) -> Candidate:
    """Return a candidate with what the notes of its study say of it.

    Args:
        candidate: A candidate as `candidate_of` returns it, or one that earlier notes were applied to.
        notes: All notes of the study, by name.
        about: What all candidates of the study share.
    """
    if predicted := notes.get(PREDICTED):
        candidate = _predicted(candidate, predicted["values"], about)
    if measured := notes.get(f"measured:{candidate.number}"):
        candidate = _measured(candidate, measured, about)
    if rescored := notes.get(f"rescored:{candidate.number}"):
        candidate = _rescored(candidate, rescored, about)
    if recalibrated := notes.get(f"recalibrated:{candidate.number}"):
        repeats = {name: tuple(finite_number(value, name) for value in each) for name, each in recalibrated.items()}
        candidate = replace(candidate, recalibrated=repeats)
    return candidate


def _predicted(candidate: Candidate, values: Mapping[str, Mapping[str, Sequence[float]]], about: About) -> Candidate:
    found = {}
    for name, by_number in values.items():
        if pair := by_number.get(str(candidate.number)):
            value, noise = (finite_number(each, name) for each in pair)
            found[about.metrics[name]] = Figure(value, noise, "predicted")
    if not found:
        return candidate
    figures = {**candidate.figures, **found}
    return replace(candidate, figures=figures, feasible=about.meets(figures))


def _measured(candidate: Candidate, values: Mapping[str, float], about: About) -> Candidate:
    found = {}
    for name, value in values.items():
        before = candidate.figures[about.metrics[name]]
        predicted = before.value if before.predicted is None else before.predicted
        found[about.metrics[name]] = Figure(finite_number(value, name), None, "measured", predicted)
    figures = {**candidate.figures, **found}
    return replace(candidate, figures=figures, feasible=about.meets(figures))


def _rescored(candidate: Candidate, scores: Mapping[str, Sequence[float]], about: About) -> Candidate:
    found = {metric.found_again: Figure(mean(each), standard_error(each), metric.source) for metric, each in about.scored(scores)}
    kept = {name: tuple(each) for name, each in scores.items()}
    return replace(candidate, figures={**candidate.figures, **found}, rescored=kept)
