"""Builds the `Problem` that a search solves from what a person asks for: predictors, objectives and limits."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any

from predictors.latency import LatencyPredictor
from predictors.load import load_predictor
from predictors.predictor import Predictor
from search.metrics import METRICS, Objective
from search.metrics.amounts import parse_rate
from search.metrics.metric import Known
from search.metrics.predicted import LATENCY, unsupported
from search.problem.problem import Constraint, Problem
from supernet.families.family import Family

Limits = make_dataclass(
    "Limits",
    [
        (f"max_{kind.name}", list[str] | None, field(default=None, metadata={"help": f"Limit of {kind.limit}."}))
        for kind in METRICS.values()
        if kind.parse
    ],
    frozen=True,
)
"""Upper limits by metric, as a person types them: None for no limit, ["8ms"], or e.g. ["phone=8ms", "board=20ms"] for several devices."""


@dataclass(frozen=True)
class Specification:
    """A problem, and the predictors that its figures come from."""

    problem: Problem
    chips: Mapping[str, LatencyPredictor]
    """Predictors of latency by the name of their device; the name is empty if there is only one."""
    predictors: Sequence[Mapping]
    """Records of the predictors, in the order given: path, checksum, metric, profile; for latency also scores of the fit and interval."""


def specify(family: Family, predictors: Sequence[Path], objectives: Sequence[str], limits: Any, evaluations: int) -> Specification:
    """Put a problem together.

    Args:
        family: The family to search.
        predictors: Files of predictors: of latency, one for each device, and of memory or energy.
        objectives: Names in `METRICS`, at least an accuracy and a cost; `latency` means every device, `latency:phone` only one; in
            `ao@FPS` the rate of the camera takes the place of FPS.
        limits: An instance of `Limits`; without a limit of multiply-adds the family's own one holds.
        evaluations: Planned number of evaluated architectures.

    Raises:
        ValueError: A name is unknown, a limit is not a positive number, no predictor is one of latency, or a predictor is of another
            family or of a metric that cannot be searched.
        FileNotFoundError: There is no such predictor.
    """
    named, records = _load(predictors, family)
    known = Known(family, named, tuple(dict.fromkeys(rate for _, rate, _ in map(_parts, objectives) if rate)))
    every = {name: kind.objectives(known) for name, kind in METRICS.items()}
    chips = {device: chip for device, chip in named["latency"] if isinstance(chip, LatencyPredictor)}
    runnable = [Constraint(unsupported(chip, device), 0) for device, chip in chips.items() if not chip.complete]
    asked = {name.removeprefix("max_"): given for name, given in vars(limits).items() if given is not None}
    asked.setdefault("macs", [str(family.max_macs)])
    constraints = runnable + [each for name, given in asked.items() for each in _limits(name, given, every)]
    noted = tuple(each for some in every.values() for each in some if each.cheap)
    scored = tuple(each.metric for some in every.values() for each in some if not each.cheap)
    problem = Problem(family, _objectives(objectives, every), tuple(constraints), evaluations, noted, scored)
    return Specification(problem, chips, records)


def _load(paths: Sequence[Path], family: Family) -> tuple[dict[str, list[tuple[str, Predictor]]], list[dict]]:
    """Predictors by metric, each with the name of its device, and a record of each file."""
    loaded = {path: load_predictor(path) for path in map(Path, paths)}
    metrics = [kind.predictor for kind in METRICS.values() if kind.predictor]
    for path, predictor in loaded.items():
        if predictor.family != family.name:
            raise ValueError(
                f"predictor and supernet must be of one family, {path} is for {predictor.family} and the supernet holds {family.name}"
            )
        if predictor.metric not in metrics:
            raise ValueError(f"a search takes predictors of latency, memory and energy, {path} predicts {predictor.metric}; leave it out")
    if LATENCY.kind not in {predictor.metric for predictor in loaded.values()}:
        raise ValueError("a search needs at least one predictor of latency, got none; make one with `chiptrack fit-predictor`")
    named: dict[str, list[tuple[str, Predictor]]] = {}
    for metric in metrics:
        some = {path: predictor for path, predictor in loaded.items() if predictor.metric == metric}
        devices = [path.stem for path in some] if len(some) > 1 else [""] * len(some)
        if len(set(devices)) < len(devices):
            raise ValueError(f"predictors are told apart by their file names, got {', '.join(map(str, some))}; rename one")
        named[metric] = list(zip(devices, some.values(), strict=True))
    return named, [_record(path, predictor) for path, predictor in loaded.items()]


def _record(path: Path, predictor: Predictor) -> dict:
    """The record of one predictor; see `Specification.predictors`."""
    profile = {"profile": predictor.profile.to_json()} if predictor.profile else {}
    origin = {**file_origin(path), "metric": predictor.metric, **profile}
    if isinstance(predictor, LatencyPredictor):
        return {**origin, "reference_ms": predictor.reference_ms, **predictor.about, "interval": predictor.interval.factors}
    return origin


def file_origin(path: Path) -> dict[str, str]:
    """The record of a file: its absolute path and SHA-256 checksum."""
    return {"path": str(path.absolute()), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _objectives(names: Sequence[str], every: Mapping[str, Sequence[Objective]]) -> tuple[Objective, ...]:
    """The objectives with these names, accuracies first; raises ValueError if one is unknown or repeated, or a side is missing."""
    chosen = [objective for name in names for objective in _find(name, every)]
    if len({each.metric for each in chosen}) < len(chosen):
        raise ValueError(f"every objective counts once, got {' '.join(names)}; drop the repeated one")
    accuracies, costs = [o for o in chosen if not o.cheap], [o for o in chosen if o.cheap]
    if not accuracies or not costs:
        raise ValueError(
            f"a search trades accuracy ({', '.join(_names(every, cheap=False))}) for cost ({', '.join(_names(every, cheap=True))}) and needs "
            f"one of each at least, got {' '.join(names) or 'none'}"
        )
    return (*accuracies, *costs)


def _names(every: Mapping[str, Sequence[Objective]], cheap: bool) -> list[str]:
    """Names of the cheap or of the costly metrics, for an error."""
    return [name for name in every if (METRICS[name].parse is not None) == cheap]


def _find(name: str, every: Mapping[str, Sequence[Objective]]) -> Sequence[Objective]:
    """The objectives that a name such as `latency` or `latency:phone` means: for all devices, or for the one after the colon."""
    kind, rate, device = _parts(name)
    if kind not in METRICS:
        raise ValueError(f"unknown objective {name!r}; known: {', '.join(METRICS)}")
    if not every[kind] and not METRICS[kind].predictor:
        raise ValueError(f"{kind} must be an output of the family's networks, it is none here; leave it out")
    if not every[kind]:
        raise ValueError(f"{kind} needs a predictor of it, got none; make one with `chiptrack fit-predictor --metric {kind}`")
    found = [each for each in every[kind] if each.metric.fps == rate and (not device or each.metric.device == device)]
    if not found:
        devices = ", ".join(objective.metric.device or "only one, which is not named" for objective in every[kind])
        raise ValueError(f"{name!r} must name a device by the file name of its predictor; known: {devices}")
    return found


def _parts(name: str) -> tuple[str, float, str]:
    """The kind of a metric, the rate of its camera and the name of its device; the rate is 0 and the name empty where there is none.

    Worked example: `ao@30:phone` is of the kind `ao@FPS`, its rate is 30 and its device phone.
    """
    spelled, _, device = name.partition(":")
    kind, at, rate = spelled.partition("@")
    return (f"{kind}@FPS", parse_rate(rate), device) if at else (kind, 0.0, device)


def _limits(kind: str, limits: Sequence[str] | str | float, every: Mapping[str, Sequence[Objective]]) -> list[Constraint]:
    """The constraints that limits of one kind of metric mean; a later limit on the same device replaces an earlier one."""
    parse, constraints = METRICS[kind].parse, {}
    assert parse, f"{kind} has no limits"
    for text in [limits] if isinstance(limits, str | int | float) else limits:
        match = re.fullmatch(r"(?:([^=]+)=)?([^=]*)", str(text))
        if match is None:
            raise ValueError(f"a limit of {kind} must be a number, or DEVICE=NUMBER for one of several devices, got {text!r}")
        device, number = match.groups()
        limit = parse(number)
        for objective in _find(f"{kind}:{device}" if device else kind, every):
            constraints[objective.metric] = Constraint(objective, limit)
    return list(constraints.values())
