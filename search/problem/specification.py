"""From what a person asks for (predictors, objectives, limits) to the `Problem` that a search solves."""

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
"""Upper limits by metric, as a person types them: each nothing, `8ms`, or several of `phone=8ms` for one of several devices."""


@dataclass(frozen=True)
class Specification:
    """A problem and where its figures come from."""

    problem: Problem
    chips: Mapping[str, LatencyPredictor]
    """Latency predictors by the name of their device; the name is empty where there is only one."""
    predictors: Sequence[Mapping]
    """For the record: path, checksum and contents of each predictor, in the order given."""


def specify(family: Family, predictors: Sequence[Path], objectives: Sequence[str], limits: Any, evaluations: int) -> Specification:
    """Put a problem together.

    Args:
        family: What is searched.
        predictors: Files of latency predictors, one for each device, and of predictors of memory or energy.
        objectives: An accuracy and a cost of `METRICS` at least; `latency` means every device, `latency:phone` one.
        limits: `Limits`; without one for multiply-adds the family's own budget holds.
        evaluations: How many are planned.

    Raises:
        ValueError: A name is unknown, a number is none, or a predictor is of another family.
        FileNotFoundError: There is no such predictor.
    """
    named, records = _load(predictors, family)
    known = Known(family, named)
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
    profile = {"profile": predictor.profile.to_json()} if predictor.profile else {}
    origin = {**file_origin(path), "metric": predictor.metric, **profile}
    if isinstance(predictor, LatencyPredictor):
        return {**origin, "reference_ms": predictor.reference_ms, **predictor.about, "interval": predictor.interval.factors}
    return origin


def file_origin(path: Path) -> dict[str, str]:
    """Where a file lies, and its checksum."""
    return {"path": str(path.absolute()), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _objectives(names: Sequence[str], every: Mapping[str, Sequence[Objective]]) -> tuple[Objective, ...]:
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
    return [name for name in every if (METRICS[name].parse is not None) == cheap]


def _find(name: str, every: Mapping[str, Sequence[Objective]]) -> Sequence[Objective]:
    """The objectives that a person means: of all devices, or of the one after the colon."""
    kind, _, device = name.partition(":")
    if kind not in METRICS:
        raise ValueError(f"unknown objective {name!r}; known: {', '.join(METRICS)}")
    if not every[kind]:
        raise ValueError(f"{kind} needs a predictor of it, got none; make one with `chiptrack fit-predictor --metric {kind}`")
    found = [objective for objective in every[kind] if not device or objective.metric.device == device]
    if not found:
        devices = ", ".join(objective.metric.device or "only one, which is not named" for objective in every[kind])
        raise ValueError(f"{name!r} must name a device by the file name of its predictor; known: {devices}")
    return found


def _limits(kind: str, limits: Sequence[str] | str | float, every: Mapping[str, Sequence[Objective]]) -> list[Constraint]:
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
