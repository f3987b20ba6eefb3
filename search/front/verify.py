"""Measures the front of a search on its devices, before it counts as final.

A measured latency takes the place of the predicted one. If a measurement lies outside the interval of its prediction, the other predictions
for that device are multiplied by a correction factor. Then the front is found anew and its new members are measured. This is repeated until
every latency per frame on the front is measured, six times at most.

Worked example: three members were predicted to take 8, 9 and 10 ms and take 9.6, 9.9 and 11 ms. One measurement is outside its interval, so
the predictions of all other candidates are multiplied by the median of 1.2, 1.1 and 1.1, which is 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial

import numpy as np

from latency_tables.measuring.remeasure import check_at_hand, measure_networks
from latency_tables.tables.profile import Profile
from predictors.latency import LatencyPredictor
from search.front.winner import front
from search.metrics.metric import Figure, Metric
from search.metrics.predicted import LATENCY, TEMPLATE
from search.problem.problem import Problem
from search.study.candidate import Candidate
from search.study.study import Study
from search.workers.workers import Workers
from supernet.operators import Branch
from supernet.space import Architecture
from tracking.files.progress import say

_ROUNDS = 6
"""Most rounds of finding the front and measuring its new members."""
_WAIT_MINUTES = 1.0
"""Minutes to wait for a device that was lost."""


@dataclass(frozen=True)
class Verification:
    """The result of measuring the front, by the name of the latency metric, e.g. `latency_ms:phone`."""

    measured: dict[str, int] = field(default_factory=dict)
    """Number of candidates that were measured there."""
    outside: dict[str, int] = field(default_factory=dict)
    """Number of measurements outside the intervals of their predictions, by the predictors in use."""
    corrected: dict[str, float] = field(default_factory=dict)
    """Factor that predictions of candidates that were not measured are multiplied by; only where there is one."""
    missing: dict[str, str] = field(default_factory=dict)
    """Reason why the device could not be measured on."""

    def to_json(self) -> dict:
        """The record in the summary of a search."""
        return asdict(self)


def verify(study: Study, problem: Problem, chips: Mapping[str, LatencyPredictor], pool: Workers, seed: int) -> Verification:
    """Measure the members of the front on every device that can be reached.

    A device that cannot be measured on keeps its predictions; the reason is in the result.

    Args:
        study: Holds the candidates; the measurements are noted in it.
        problem: The problem of the search.
        chips: Predictors of latency by the name of their device.
        pool: Workers that reach the devices; no job may be under way.
        seed: Fixes the order of measuring.
    """
    objectives, missing = [objective.metric for objective in problem.objectives], {}
    latencies = {device: replace(LATENCY, device=device) for device in chips}
    for _ in range(_ROUNDS):
        members = front(settled(study.candidates(), problem), objectives)
        wanted = {
            device: [member for member in members if not member.is_measured(latency)]
            for device, latency in latencies.items()
            if latency.name not in missing
        }
        if not any(wanted.values()):
            break
        for device, some in wanted.items():
            if not some:
                continue
            say(f"measure {len(some)} members of the front on {chips[device].profile.device}")
            try:
                found = measured_on(chips[device], [member.architecture for member in some], pool, seed)
            except (ValueError, OSError, ImportError) as err:
                missing[latencies[device].name] = str(err)
                say(f"the front stays predicted: {err}")
                continue
            for member, branches in zip(some, found, strict=True):
                study.note(member.number, "measured", noted(device, branches, problem))
    candidates = study.candidates()
    measured = {latency: [c for c in candidates if c.is_measured(latency)] for latency in latencies.values()}
    return Verification(
        {latency.name: len(some) for latency, some in measured.items() if some},
        {latency.name: int(_outside(some, latency, problem).sum()) for latency, some in measured.items() if some},
        {latency.name: factor for latency, factor in corrections(candidates, problem).items()},
        missing,
    )


def noted(device: str, branches: Mapping[Branch, float], problem: Problem) -> dict[str, float]:
    """Milliseconds of branches on a device by the name of their metric, as a note holds them; metrics that a search lacks are left out."""
    named: dict[Branch, str] = {"search": replace(LATENCY, device=device).name, "template": replace(TEMPLATE, device=device).name}
    known = {metric.name for metric in problem.metrics}
    return {named[branch]: ms for branch, ms in branches.items() if named[branch] in known}


def measured_on(predictor: LatencyPredictor, architectures: Sequence[Architecture], pool: Workers, seed: int) -> list[dict[Branch, float]]:
    """Measure architectures on the device and with the settings of a predictor.

    Returns:
        For each architecture, the milliseconds of each branch.

    Raises:
        ValueError: The device is not, or no longer, what the predictor is for.
        ConnectionError: The device cannot be reached or is in use.
        ImportError: The runtime is not installed.
    """
    profile = predictor.profile
    return pool.on_device(profile.device, partial(_measure, profile, predictor.reference_ms, tuple(architectures), seed))


def _measure(profile: Profile, reference_ms: float, architectures: tuple[Architecture, ...], seed: int) -> list[dict[Branch, float]]:
    check_at_hand(profile)
    return measure_networks(architectures, profile, reference_ms, seed, _WAIT_MINUTES)


def settled(candidates: Sequence[Candidate], problem: Problem) -> list[Candidate]:
    """Candidates with their best known figures: predictions are corrected, and limits apply to measured and corrected values.

    Args:
        candidates: All candidates of a study.
        problem: The problem of the search.
    """
    limits = {constraint.name: constraint.limit for constraint in problem.constraints}
    return apply(candidates, corrections(candidates, problem), limits)


def apply(candidates: Sequence[Candidate], factors: Mapping[Metric, float], limits: Mapping[str, float]) -> list[Candidate]:
    """Multiply predictions by factors, and check the limits on measured and corrected figures again.

    Args:
        candidates: All candidates of a study.
        factors: Factors by metric, for candidates without a measurement of it; see `corrections`.
        limits: Limits by the name of the constraint, as in the settings of a search.

    Returns:
        The candidates in the same order; their figures and `feasible` may differ.
    """
    return [_judged(candidate, factors, limits) for candidate in candidates]


def _judged(candidate: Candidate, factors: Mapping[Metric, float], limits: Mapping[str, float]) -> Candidate:
    """Correct one candidate and check its limits again; an infeasible candidate stays infeasible."""
    changed = {metric: _times(candidate.figures[metric], factor) for metric, factor in factors.items() if not candidate.is_measured(metric)}
    measured = [metric for metric, figure in candidate.figures.items() if figure.predicted is not None]
    if not changed and not measured:
        return candidate
    figures = {**candidate.figures, **changed}
    within = (figures[m].value <= limits[m.limit_name] for m in (*changed, *measured) if m.limit_name in limits)
    return replace(candidate, figures=figures, feasible=candidate.feasible and all(within))


def _times(figure: Figure, factor: float) -> Figure:
    """The figure with its value multiplied by a factor; its noise stays as it was."""
    return Figure(figure.value * factor, figure.noise, figure.source, figure.predicted)


def corrections(candidates: Sequence[Candidate], problem: Problem) -> dict[Metric, float]:
    """Find the factors by which predictions of latency per frame are off: the median of measured / predicted.

    What counts are predictions by the predictors in use, which may have been fitted again since a candidate was measured.

    Args:
        candidates: All candidates of a study, not corrected yet.
        problem: The problem of the search, which knows the predictions and their intervals.

    Returns:
        Factors by metric, only for those with a measurement outside the interval of its prediction.
    """
    factors = {}
    for objective in problem.cheap:
        metric = objective.metric
        some = [candidate for candidate in candidates if candidate.is_measured(metric)] if metric.kind == LATENCY.kind else []
        if some and _outside(some, metric, problem).any():
            predicted = objective.of(problem.family.space.indices([candidate.architecture for candidate in some]))
            factors[metric] = float(np.median([candidate.value(metric) for candidate in some] / predicted))
    return factors


def _outside(candidates: Sequence[Candidate], metric: Metric, problem: Problem) -> np.ndarray:
    """(N,) whether the measurement of each of N measured candidates lies outside the interval of its prediction."""
    objective = next(objective for objective in problem.cheap if objective.metric == metric)
    assert objective.noise is not None, f"{metric.name} has no intervals"
    choices = problem.family.space.indices([candidate.architecture for candidate in candidates])
    return np.abs(np.array([candidate.value(metric) for candidate in candidates]) - objective.of(choices)) > objective.noise(choices)
