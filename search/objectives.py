"""What a search optimises and what it must not exceed, as data.

Cheap objectives follow from the architecture alone and are evaluated where the search runs; a costly one needs weights and
video and is evaluated by workers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from predictors.predictor import Prediction
from search.candidate import Source
from supernet.families.lighttrack import LightTrackFamily
from supernet.space import Architecture

Evaluate = Callable[[Sequence[Architecture]], np.ndarray]
"""N architectures to (N,) figures."""


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

    def of(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """Values (N,) of a cheap objective."""
        assert self.evaluate is not None, f"{self.name} is costly"
        return self.evaluate(architectures)


@dataclass(frozen=True)
class Constraint:
    """An upper limit of a cheap objective."""

    objective: Objective
    limit: float

    @property
    def name(self) -> str:
        """As the command line spells it, e.g. `max_macs`, `max_latency`."""
        return f"max_{self.objective.name.replace('_ms', '')}"

    def excess(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """By which share of the limit each of N architectures lies above it, (N,); feasible where <= 0. Of a limit of 0, the value."""
        values = self.objective.of(architectures)
        return values / self.limit - 1 if self.limit else values


ACCURACY = Objective("ao", "", "maximize", "inherited weights")
"""Average overlap while tracking generated validation sequences with weights inherited from the supernet."""


def multiply_adds(family: LightTrackFamily) -> Objective:
    """Multiply-adds of convolutions and matrix products in the search branch, which runs on every frame."""

    def evaluate(architectures: Sequence[Architecture]) -> np.ndarray:
        return np.array([sum(op.counts.macs for op in family.operators(arch) if op.branch == "search") for arch in architectures], float)

    return Objective("macs", "multiply-adds", "minimize", "counted", evaluate)


class Predictor(Protocol):
    """What a search wants from a latency predictor."""

    def predict(self, architectures: Sequence[Architecture], /) -> Prediction:
        """Predict the milliseconds per frame of N architectures."""
        ...

    def missing(self, architectures: Sequence[Architecture], /) -> np.ndarray:
        """(N,) how many operators of each architecture it knows nothing about."""
        ...


def unsupported(predictor: Predictor, name: str = "unsupported") -> Objective:
    """Operators of the search and template branches that a predictor's device cannot run, or that were not measured on it."""
    return Objective(name, "operators", "minimize", "counted", predictor.missing)


def predicted_latency(predictor: Predictor, name: str = "latency_ms") -> Objective:
    """Predicted milliseconds per frame on the predictor's device, infinite where it cannot run; its noise is half the predicted interval.

    Args:
        predictor: A fitted predictor.
        name: Name of the objective; must begin with `latency_ms`. A search for several devices needs several names.
    """
    known: dict[str, tuple[float, float]] = {}

    def predict(architectures: Sequence[Architecture]) -> np.ndarray:
        new = list({arch.key: arch for arch in architectures if arch.key not in known}.values())
        lacking = predictor.missing(new) > 0 if new else ()
        known.update({arch.key: (math.inf, math.inf) for arch, lacks in zip(new, lacking, strict=True) if lacks})
        new = [arch for arch in new if arch.key not in known]
        if new:
            answer = predictor.predict(new)
            halves = (np.asarray(answer.high) - np.asarray(answer.low)) / 2
            known.update({arch.key: (float(v), float(h)) for arch, v, h in zip(new, answer.value, halves, strict=True)})
        return np.array([known[arch.key] for arch in architectures]).reshape(-1, 2)

    return Objective(name, "ms", "minimize", "predicted", lambda archs: predict(archs)[:, 0], lambda archs: predict(archs)[:, 1])


def parse_macs(text: str | float) -> float:
    """Read a number of multiply-adds.

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


def _parse(text: str | float, scales: dict[str, float], rule: str) -> float:
    match = re.fullmatch(r"\s*([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*([a-zA-Z]*)\s*", str(text))
    try:
        value = float(match[1]) * scales[match[2].lower()] if match else math.nan
    except (ValueError, KeyError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{rule}, got {text!r}")
    return value
