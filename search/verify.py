"""The front measured on its devices, before anybody calls it final.

What is measured takes the place of what was predicted. Where a measurement lies outside the interval of its prediction, the other
predictions for that device are corrected by what the measurements say, the front is found anew, and its new members are measured, until
nothing on it is merely predicted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from latency_tables.tables.profile import Profile
from latency_tables.measuring.remeasure import check_at_hand, measure_networks
from predictors.predictor import LatencyPredictor
from search.study.candidate import Candidate
from search.problem.objectives import Problem, limit_name
from search.study.study import Study
from search.winner import front
from search.workers.jobs import Workers
from supernet.operators import Branch
from supernet.space import Architecture
from tracking.files.progress import say

_ROUNDS = 6
"""How often the front may change by what was measured on it."""
_WAIT_S = 60.0
"""How long to wait for a device that was lost."""


@dataclass(frozen=True)
class Verification:
    """What measuring the front came to."""

    measured: dict[str, int] = field(default_factory=dict)
    """Networks measured, by the latency's name."""
    outside: dict[str, int] = field(default_factory=dict)
    """How many of them lay outside the intervals of their predictions."""
    corrected: dict[str, float] = field(default_factory=dict)
    """Factors of the predictions of what was not measured."""
    missing: dict[str, str] = field(default_factory=dict)
    """Why nothing could be measured, by the latency's name."""


def verify(study: Study, problem: Problem, chips: Mapping[str, LatencyPredictor], pool: Workers, seed: int) -> Verification:
    """Measure the members of the front on every device that is at hand.

    Args:
        study: Holds the candidates; receives what is measured.
        problem: Of the search.
        chips: Predictors by the name of their latency.
        pool: Knows where devices are; no job may be under way.
        seed: Fixes the order of measuring.
    """
    missing: dict[str, str] = {}
    for _ in range(_ROUNDS):
        members = front(settled(study.candidates(), problem), problem.objectives)
        wanted = {name: [member for member in members if name not in member.predicted] for name in chips if name not in missing}
        if not any(wanted.values()):
            break
        for name, some in wanted.items():
            if not some:
                continue
            say(f"measure {len(some)} members of the front on {chips[name].about['profile']['device']}")
            try:
                found = measured_on(chips[name], [member.architecture for member in some], pool, seed)
            except (ValueError, OSError, ImportError) as err:
                missing[name] = str(err)
                say(f"the front stays predicted: {err}")
                continue
            for member, branches in zip(some, found, strict=True):
                template = name.replace("latency_ms", "template_ms")
                study.note(member.number, "measured", {name: branches["search"], template: branches["template"]})
    candidates = study.candidates()
    measured = {name: [c for c in candidates if name in c.predicted] for name in chips}
    return Verification(
        {name: len(some) for name, some in measured.items() if some},
        {name: int(_outside(some, name, problem).sum()) for name, some in measured.items() if some},
        corrections(candidates, problem),
        missing,
    )


def measured_on(predictor: LatencyPredictor, architectures: Sequence[Architecture], pool: Workers, seed: int) -> list[dict[Branch, float]]:
    """Milliseconds of both branches of some architectures, where and as the predictor's networks were measured.

    Raises:
        ValueError: The device is not, or no longer, what the predictor is for.
        ConnectionError: The device cannot be reached or is in use.
        ImportError: The runtime is not installed.
    """
    profile = Profile.from_json(predictor.about["profile"])
    return pool.on_device(profile.device, partial(_measure, profile, predictor.about["reference_ms"], tuple(architectures), seed))


def _measure(profile: Profile, reference_ms: float, architectures: tuple[Architecture, ...], seed: int) -> list[dict[Branch, float]]:
    check_at_hand(profile)
    return measure_networks(architectures, profile, reference_ms, seed, _WAIT_S)


def settled(candidates: Sequence[Candidate], problem: Problem) -> list[Candidate]:
    """Candidates by the best that is known: predictions of what was not measured are corrected, limits apply to what was measured.

    Args:
        candidates: All of a study.
        problem: Of the search.
    """
    limits = {constraint.name: constraint.limit for constraint in problem.constraints}
    return apply(candidates, corrections(candidates, problem), limits)


def apply(candidates: Sequence[Candidate], factors: Mapping[str, float], limits: Mapping[str, float]) -> list[Candidate]:
    """Correct predictions by factors and judge by limits again what depends on a device.

    Args:
        candidates: All of a study.
        factors: By the name of the figure; see `Verification.corrected`.
        limits: By the name of the constraint, as in the settings of a search.
    """
    return [_judged(candidate, factors, limits) for candidate in candidates]


def _judged(candidate: Candidate, factors: Mapping[str, float], limits: Mapping[str, float]) -> Candidate:
    changed = {name: candidate.values[name] * factor for name, factor in factors.items() if name not in candidate.predicted}
    if not changed and not candidate.predicted:
        return candidate
    values = {**candidate.values, **changed}
    known = {name: limits[limit_name(name)] for name in {*changed, *candidate.predicted} if limit_name(name) in limits}
    return replace(candidate, values=values, feasible=candidate.feasible and all(values[name] <= limit for name, limit in known.items()))


def corrections(candidates: Sequence[Candidate], problem: Problem) -> dict[str, float]:
    """By which factor the predictions of each latency are off, where measurements lie outside their intervals.

    Args:
        candidates: All of a study, as it has them.
        problem: Knows the intervals.
    """
    factors = {}
    for name in {name for candidate in candidates for name in candidate.predicted if name.startswith("latency_ms")}:
        some = [candidate for candidate in candidates if name in candidate.predicted]
        if _outside(some, name, problem).any():
            factors[name] = float(np.median([candidate.values[name] / candidate.predicted[name] for candidate in some]))
    return factors


def _outside(candidates: Sequence[Candidate], name: str, problem: Problem) -> np.ndarray:
    """(N,) whether the measurement of each of N measured candidates lies outside the interval of its prediction."""
    figure = next(figure for figure in problem.figures if figure.name == name)
    assert figure.noise is not None, f"{name} has no intervals"
    half = figure.noise(problem.family.space.indices([candidate.architecture for candidate in candidates]))
    return np.abs([candidate.values[name] - candidate.predicted[name] for candidate in candidates]) > half
