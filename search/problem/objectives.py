"""What a search optimises and what it must not exceed, as data.

Cheap figures follow from the architecture alone: they are evaluated where the search runs, on architectures given as integers, so that
strategies may ask about hundreds of thousands. Costly ones need weights and video and are brought by workers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from predictors.occurrences import occurrences
from predictors.predictor import LatencyPredictor
from predictors.quantity import QuantityPredictor
from search.study.candidate import Source
from supernet.families.lighttrack.space import LightTrackFamily
from supernet.space import Architecture, SearchSpace

Evaluate = Callable[[np.ndarray], np.ndarray]
"""(N, L) indices of chosen values, as `SearchSpace.indices` makes them, to (N,) figures."""


@dataclass(frozen=True)
class Objective:
    """A figure of an architecture that should be small or large."""

    name: str
    unit: str
    """Empty for a share from 0 to 1."""
    direction: Literal["minimize", "maximize"]
    source: Source
    evaluate: Evaluate | None = None
    """Its values, (N,); None for a costly objective, whose values workers bring."""
    noise: Evaluate | None = None
    """Half the width of each value's interval, (N,), where it is known."""

    @property
    def cheap(self) -> bool:
        """Whether it can be evaluated without weights."""
        return self.evaluate is not None

    @property
    def sign(self) -> int:
        """What its values are multiplied with so that small is good."""
        return -1 if self.direction == "maximize" else 1

    def of(self, choices: np.ndarray) -> np.ndarray:
        """Values (N,) of a cheap objective of architectures given as (N, L) integers."""
        assert self.evaluate is not None, f"{self.name} is costly"
        return self.evaluate(choices)

    def to_json(self) -> dict:
        """What settings and pages need of it."""
        return {"name": self.name, "unit": self.unit, "direction": self.direction, "source": self.source}


@dataclass(frozen=True)
class Constraint:
    """An upper limit of a cheap objective."""

    objective: Objective
    limit: float

    @property
    def name(self) -> str:
        """As the command line spells it; see `limit_name`."""
        return limit_name(self.objective.name)

    def excess(self, values: np.ndarray) -> np.ndarray:
        """By which share of the limit each of (N,) values lies above it, (N,); feasible where <= 0. Of a limit of 0, the value."""
        return values / self.limit - 1 if self.limit else values


def kind_of(figure: str) -> str:
    """The name of a figure without its device.

    >>> kind_of("latency_ms:phone"), kind_of("macs")
    ('latency_ms', 'macs')
    """
    return figure.partition(":")[0]


def limit_name(figure: str) -> str:
    """What the upper limit of a figure is called.

    >>> limit_name("macs"), limit_name("latency_ms:phone")
    ('max_macs', 'max_latency:phone')
    """
    return "max_" + re.sub("_(ms|mb|mj)(?=:|$)", "", figure)


@dataclass(frozen=True)
class Problem:
    """What one search is about."""

    family: LightTrackFamily
    objectives: tuple[Objective, ...]
    """What is optimised: accuracies, then costs; between ties in the first accuracy the first cost decides, see `deciding`."""
    constraints: tuple[Constraint, ...]
    """What an architecture must meet before it is evaluated."""
    evaluations: int
    """How many are planned."""
    noted: tuple[Objective, ...] = ()
    """Further cheap figures that candidates carry, for the record."""
    part: SearchSpace | None = None
    """Where only a part of the family's space is searched: the same choices with fewer values."""

    @property
    def space(self) -> SearchSpace:
        """What is searched. Architectures as integers are always indices of the family's whole space."""
        return self.part or self.family.space

    @property
    def figures(self) -> tuple[Objective, ...]:
        """Every cheap figure once: of the objectives, of the constraints, and what is noted."""
        every = (*self.objectives, *(constraint.objective for constraint in self.constraints), *self.noted)
        return tuple({figure.name: figure for figure in every if figure.cheap}.values())

    def excess(self, choices: np.ndarray) -> np.ndarray:
        """(N, C) by which share each of N architectures lies above each of C limits; feasible where all are <= 0."""
        columns = [constraint.excess(constraint.objective.of(choices)) for constraint in self.constraints]
        return np.stack(columns, axis=1) if columns else np.empty((len(choices), 0))


def deciding(objectives: Sequence[Objective]) -> tuple[Objective, Objective]:
    """The accuracy that ranks and the cost that decides between ties: the first that should be large, and the first that should be small."""
    return [each for each in objectives if each.direction == "maximize"][0], [each for each in objectives if each.direction == "minimize"][
        0
    ]


AO = Objective("ao", "", "maximize", "inherited weights")
"""Average overlap while tracking validation sequences with weights inherited from the supernet."""
AUC = Objective("auc", "", "maximize", "inherited weights")
"""Area under the success curve of the same tracks."""
ACCURACIES = {"ao": AO, "auc": AUC}


def multiply_adds(family: LightTrackFamily) -> Objective:
    """Multiply-adds of convolutions and matrix products in the search branch, which runs on every frame."""
    return _counted(family, "macs", "multiply-adds", [op.counts.macs * (op.branch == "search") for op in occurrences(family).operators])


def parameters(family: LightTrackFamily) -> Objective:
    """Weights of the network; the branches share those of the backbone."""
    return _counted(family, "params", "parameters", [op.counts.params * (op.branch == "search") for op in occurrences(family).operators])


def _counted(family: LightTrackFamily, name: str, unit: str, each: Sequence[float]) -> Objective:
    known = occurrences(family)
    added = known.added @ np.array(each, float)
    return Objective(name, unit, "minimize", "counted", lambda choices: known.rows(choices) @ added)


def unsupported(predictor: LatencyPredictor, name: str = "unsupported") -> Objective:
    """Operators of the search and template branches that a predictor's device cannot run, or that were not measured on it."""
    return Objective(name, "operators", "minimize", "counted", predictor.missing_choices)


def predicted_latency(predictor: LatencyPredictor, name: str = "latency_ms") -> Objective:
    """Predicted milliseconds per frame on the predictor's device, infinite where it cannot run; its noise is half the predicted interval.

    Args:
        predictor: A fitted predictor.
        name: Name of the objective; must begin with `latency_ms`. A search for several devices needs several names.
    """
    value, noise = (_where_it_runs(predictor, evaluate) for evaluate in _predicted(predictor))
    return Objective(name, "ms", "minimize", "predicted", value, noise)


def template_latency(predictor: LatencyPredictor, name: str = "template_ms") -> Objective:
    """Predicted milliseconds of the template branch, which runs once for each target; infinite where it cannot run."""
    return Objective(name, "ms", "minimize", "predicted", _where_it_runs(predictor, predictor.template_ms_choices))


def _where_it_runs(predictor: LatencyPredictor, evaluate: Evaluate) -> Evaluate:
    def known(choices: np.ndarray) -> np.ndarray:
        values = np.full(len(choices), math.inf)
        runs = predictor.missing_choices(choices) == 0
        values[runs] = evaluate(choices[runs])
        return values

    return evaluate if predictor.complete else known


def predicted_quantity(predictor: QuantityPredictor, name: str) -> Objective:
    """Predicted memory or energy; its noise is half the predicted interval.

    Args:
        predictor: A fitted predictor.
        name: Name of the objective, e.g. `memory_mb:phone`.
    """
    return Objective(name, predictor.unit, "minimize", "predicted", *_predicted(predictor))


def _predicted(predictor: LatencyPredictor | QuantityPredictor) -> tuple[Evaluate, Evaluate]:
    """The values of a predictor, and half the widths of their intervals."""

    def half(choices: np.ndarray) -> np.ndarray:
        answer = predictor.predict_choices(choices)
        return (answer.high - answer.low) / 2

    return lambda choices: predictor.predict_choices(choices).value, half


def figures_of(
    figures: Sequence[Objective], architecture: Architecture, family: LightTrackFamily
) -> tuple[dict[str, float], dict[str, float]]:
    """Values of some cheap figures of one architecture, and their noise where it is known, by name."""
    choices = family.space.indices([architecture])
    values = {figure.name: float(figure.of(choices)[0]) for figure in figures}
    return values, {figure.name: float(figure.noise(choices)[0]) for figure in figures if figure.noise is not None}


def parse_macs(text: str | float) -> float:
    """Read a number of multiply-adds or parameters.

    Args:
        text: A number, or a number followed by k, M or G.

    Raises:
        ValueError: It is not a positive number.

    >>> parse_macs("600M"), parse_macs("1.2G"), parse_macs(13e6)
    (600000000.0, 1200000000.0, 13000000.0)
    """
    return _parse(text, {"": 1, "k": 1e3, "m": 1e6, "g": 1e9}, "a budget of multiply-adds must be a positive number such as 600M or 1.2G")


def count(value: float) -> str:
    """A large number with k, M or G and three digits.

    >>> count(5_400_000), count(13e6), count(600e6), count(7)
    ('5.40M', '13.0M', '600M', '7')
    """
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:.{2 if value < 10 * scale else 1 if value < 100 * scale else 0}f}{letter}"
    return f"{value:.3g}"


def parse_ms(text: str | float) -> float:
    """Read a time as milliseconds.

    Args:
        text: A number of milliseconds, or a number followed by ms, us or s.

    Raises:
        ValueError: It is not a positive number.

    >>> parse_ms("8ms"), parse_ms("8"), parse_ms("0.5 s")
    (8.0, 8.0, 500.0)
    """
    return _parse(text, {"": 1, "ms": 1, "us": 1e-3, "s": 1e3}, "a limit of time must be a positive number such as 8ms")


def parse_amount(text: str | float) -> float:
    """Read a number of megabytes or millijoules, with or without its unit.

    Raises:
        ValueError: It is not a positive number.

    >>> parse_amount("12.5MB"), parse_amount(40)
    (12.5, 40.0)
    """
    return _parse(text, {"": 1, "mb": 1, "mj": 1}, "a limit of memory or energy must be a positive number of MB or mJ such as 40")


def _parse(text: str | float, scales: dict[str, float], rule: str) -> float:
    match = re.fullmatch(r"\s*([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*([a-zA-Z]*)\s*", str(text))
    try:
        value = float(match[1]) * scales[match[2].lower()] if match else math.nan
    except (ValueError, KeyError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{rule}, got {text!r}")
    return value
