"""From what a person asks for (predictors, objectives, limits) to the `Problem` that a search solves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from predictors.predictor import LatencyPredictor, load_predictor
from predictors.quantity import FORMAT as QUANTITY_FORMAT
from predictors.quantity import QuantityPredictor, load_quantity
from search.problem.objectives import (
    ACCURACIES,
    Constraint,
    Objective,
    Problem,
    kind_of,
    multiply_adds,
    parameters,
    parse_amount,
    parse_macs,
    parse_ms,
    predicted_latency,
    predicted_quantity,
    template_latency,
    unsupported,
)
from supernet.families.lighttrack.space import LightTrackFamily
from tracking.files.records import read_record

COSTS = {
    "latency": "latency_ms",
    "template": "template_ms",
    "macs": "macs",
    "params": "params",
    "memory": "memory_mb",
    "energy": "energy_mj",
}
"""What a person calls a cost -> the name of its figure, which goes on with `:DEVICE` where there are several devices."""
_PARSE: dict[str, Callable[[str | float], float]] = {
    "latency": parse_ms,
    "template": parse_ms,
    "macs": parse_macs,
    "params": parse_macs,
    "memory": parse_amount,
    "energy": parse_amount,
}
_QUANTITIES = {"memory": "memory_mb", "energy": "energy_mj"}
Limits = Mapping[str, Sequence[str] | str | float | None]
"""Limits by cost: nothing, a limit, or several (`8ms`, or `phone=8ms` for one of several devices)."""


@dataclass(frozen=True)
class Specification:
    """A problem and where its figures come from."""

    problem: Problem
    chips: Mapping[str, LatencyPredictor]
    """Latency predictors by the name of their figure, `latency_ms` or `latency_ms:FILE`."""
    predictors: Sequence[Mapping]
    """For the record: path, checksum and contents of each predictor, in the order given."""


def specify(
    family: LightTrackFamily, predictors: Sequence[Path], objectives: Sequence[str], limits: Limits, evaluations: int
) -> Specification:
    """Put a problem together.

    Args:
        family: What is searched.
        predictors: Files of latency predictors, one for each device, and of predictors of memory or energy.
        objectives: An accuracy (`ao`, `auc`) and a cost of `COSTS` at least; `latency` means every device, `latency:phone` one.
        limits: By cost; without one for multiply-adds the family's own budget holds.
        evaluations: How many are planned.

    Raises:
        ValueError: A name is unknown, a number is none, or a predictor is of another family.
        FileNotFoundError: There is no such predictor.
    """
    chips, quantities, records = _load(predictors, family)
    figures = [multiply_adds(family), parameters(family)]
    for name, chip in chips.items():
        figures += [predicted_latency(chip, name), template_latency(chip, name.replace("latency_ms", "template_ms"))]
    figures += [predicted_quantity(predictor, name) for name, predictor in quantities.items()]
    known = {figure.name: figure for figure in figures}
    runnable = [
        Constraint(unsupported(chip, name.replace("latency_ms", "unsupported")), 0) for name, chip in chips.items() if not chip.complete
    ]
    limits = {**limits, "macs": family.max_macs if limits.get("macs") is None else limits["macs"]}
    constraints = runnable + [each for cost, limit in limits.items() if limit is not None for each in _limits(cost, limit, known)]
    return Specification(Problem(family, _objectives(objectives, known), tuple(constraints), evaluations, tuple(figures)), chips, records)


def _load(paths: Sequence[Path], family: LightTrackFamily) -> tuple[dict[str, LatencyPredictor], dict[str, QuantityPredictor], list[dict]]:
    """Predictors by the name of their figure, and a record of each file."""
    loaded = {path: load_quantity(path) if _format(path) == QUANTITY_FORMAT else load_predictor(path) for path in map(Path, paths)}
    for path, predictor in loaded.items():
        if predictor.family != family.name:
            raise ValueError(
                f"predictor and supernet must be of one family, {path} is for {predictor.family} and the supernet holds {family.name}"
            )
        if isinstance(predictor, QuantityPredictor) and predictor.quantity not in _QUANTITIES:
            raise ValueError(f"a search takes predictors of latency, memory and energy, {path} predicts {predictor.quantity}; leave it out")
    latencies = {path: predictor for path, predictor in loaded.items() if isinstance(predictor, LatencyPredictor)}
    if not latencies:
        raise ValueError("a search needs at least one predictor of latency, got none; make one with `chiptrack fit-predictor`")
    quantities = {path: predictor for path, predictor in loaded.items() if isinstance(predictor, QuantityPredictor)}
    named = dict(zip(_names(list(latencies), ["latency_ms"] * len(latencies)), latencies.values(), strict=True))
    kinds = [_QUANTITIES[predictor.quantity] for predictor in quantities.values()]
    others = dict(zip(_names(list(quantities), kinds), quantities.values(), strict=True))
    records = [_record(path, predictor) for path, predictor in loaded.items()]
    return named, others, records


def _format(path: Path) -> object:
    try:
        return read_record(path).get("format")
    except FileNotFoundError:
        raise
    except (OSError, ValueError):
        return None  # the loader says what is wrong


def _names(paths: Sequence[Path], kinds: Sequence[str]) -> list[str]:
    """A figure's name for each predictor, with the file's where there are several of a kind."""
    names = [kind if kinds.count(kind) == 1 else f"{kind}:{path.stem}" for path, kind in zip(paths, kinds, strict=True)]
    if len(set(names)) < len(names):
        raise ValueError(f"predictors are told apart by their file names, got {', '.join(map(str, paths))}; rename one")
    return names


def _record(path: Path, predictor: LatencyPredictor | QuantityPredictor) -> dict:
    origin = {**file_origin(path), "quantity": predictor.quantity}
    if isinstance(predictor, LatencyPredictor):
        return {**origin, **predictor.about, "interval": asdict(predictor.interval)}
    return {**origin, **{name: predictor.about[name] for name in ("profile",) if name in predictor.about}}


def file_origin(path: Path) -> dict[str, str]:
    """Where a file lies, and its checksum."""
    return {"path": str(path.absolute()), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _objectives(names: Sequence[str], known: Mapping[str, Objective]) -> tuple[Objective, ...]:
    chosen = [objective for name in names for objective in _find(name, known)]
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"every objective counts once, got {' '.join(names)}; drop the repeated one")
    accuracies, costs = [o for o in chosen if not o.cheap], [o for o in chosen if o.cheap]
    if not accuracies or not costs:
        raise ValueError(
            f"a search trades accuracy ({', '.join(ACCURACIES)}) for cost ({', '.join(COSTS)}) and needs one of each at least, "
            f"got {' '.join(names) or 'none'}"
        )
    return (*accuracies, *costs)


def _find(name: str, known: Mapping[str, Objective]) -> list[Objective]:
    """The objectives that a person means: of all devices, or of the one after the colon."""
    if name in ACCURACIES:
        return [ACCURACIES[name]]
    cost, _, device = name.partition(":")
    if cost not in COSTS:
        raise ValueError(f"unknown objective {name!r}; known: {', '.join([*ACCURACIES, *COSTS])}")
    figures = [figure for figure in known.values() if kind_of(figure.name) == COSTS[cost]]
    if not figures:
        raise ValueError(f"{cost} needs a predictor of it, got none; make one with `chiptrack fit-predictor --quantity {cost}`")
    found = [figure for figure in figures if not device or figure.name.partition(":")[2] == device]
    if not found:
        devices = ", ".join(figure.name.partition(":")[2] or "only one, which is not named" for figure in figures)
        raise ValueError(f"{name!r} must name a device by the file name of its predictor; known: {devices}")
    return found


def _limits(cost: str, limits: Sequence[str] | str | float, known: Mapping[str, Objective]) -> list[Constraint]:
    constraints: dict[str, Constraint] = {}
    for text in [limits] if isinstance(limits, str | int | float) else limits:
        match = re.fullmatch(r"(?:([^=]+)=)?([^=]*)", str(text))
        if match is None:
            raise ValueError(f"a limit of {cost} must be a number, or DEVICE=NUMBER for one of several devices, got {text!r}")
        device, number = match.groups()
        limit = _PARSE[cost](number)
        for figure in _find(f"{cost}:{device}" if device else cost, known):
            constraints[figure.name] = Constraint(figure, limit)
    return list(constraints.values())
