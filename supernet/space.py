"""An architecture (the chosen value of every choice) and the search space that it is drawn from."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

Value = str | int | float


@dataclass(frozen=True)
class Architecture:
    """The chosen value of each choice of a family, which describes a network without its weights.

    It is in canonical form: choices that have no effect (such as those of layers behind the searched exit) hold their first value. So all
    spellings of one network are equal and share one key. Construct architectures with `Family.architecture`, which ensures this.
    """

    family: str
    choices: tuple[tuple[str, Value], ...]
    """(label, value) in the order in which the family declares its choices."""
    name: str = field(compare=False)
    """Name as the family spells it, or as it was given; comparisons ignore it."""

    @cached_property
    def _values(self) -> dict[str, Value]:
        return dict(self.choices)

    def __getitem__(self, label: str) -> Value:
        """The chosen value of one choice."""
        return self._values[label]

    @cached_property
    def key(self) -> str:
        """16 hexadecimal digits that depend on the family and the chosen values alone."""
        content = json.dumps([self.family, self.choices], separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def to_json(self) -> dict:
        """The record that `supernet.catalogue.from_json` reads."""
        return {"family": self.family, "name": self.name, "key": self.key, "choices": self._values}


@dataclass(frozen=True)
class SearchSpace:
    """All architectures of a family, or a part of them: what can be chosen, and how chosen values become an architecture."""

    choices: Mapping[str, tuple[Value, ...]]
    """Possible values of each choice by its label, in the order of the family."""
    make: Callable[[Mapping[str, Value]], Architecture]
    """Turns chosen values into an architecture of the family."""

    @property
    def size(self) -> int:
        """Number of combinations of values; different spellings of one network are counted separately."""
        return math.prod(len(values) for values in self.choices.values())

    def check(self, chosen: Mapping[str, Value]) -> None:
        """Check that chosen values belong to this space.

        Raises:
            ValueError: A choice is missing, unknown, or has a value that the space does not offer.
        """
        missing = [label for label in self.choices if label not in chosen]
        unknown = [label for label in chosen if label not in self.choices]
        if missing or unknown:
            raise ValueError(f"choices must be exactly those of the space; missing: {missing!s:.80}, unknown: {unknown!s:.80}")
        for label, values in self.choices.items():
            if chosen[label] not in values or isinstance(chosen[label], bool):
                raise ValueError(f"choice {label!r} must be one of {list(values)}, got {chosen[label]!r:.80}")

    def indices(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """(N, L) indices of N architectures of this space: for each of the L choices the position of the chosen value among its values."""
        flat = [self._index[choice] for architecture in architectures for choice in architecture.choices]
        return np.array(flat, int).reshape(len(architectures), len(self.choices))

    def at(self, indices: Sequence[int] | np.ndarray) -> Architecture:
        """The architecture with these L indices of chosen values; see `indices`."""
        return self.make({label: values[i] for i, (label, values) in zip(indices, self.choices.items(), strict=True)})

    @cached_property
    def _index(self) -> dict[tuple[str, Value], int]:
        return {(label, value): i for label, values in self.choices.items() for i, value in enumerate(values)}

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw an architecture: every choice uniformly and independently of the others."""
        picks = rng.random(len(self.choices))
        return self.make({label: values[int(u * len(values))] for u, (label, values) in zip(picks, self.choices.items(), strict=True)})

    def mutate(self, parent: Architecture, rng: np.random.Generator, probability: float = 0.1) -> Architecture:
        """Copy a parent and draw each choice again with the given probability; at least one choice is drawn again."""
        redrawn = rng.random(len(self.choices)) < probability
        redrawn[rng.integers(len(self.choices))] = True
        chosen = {
            label: values[rng.integers(len(values))] if again else parent[label]
            for again, (label, values) in zip(redrawn, self.choices.items(), strict=True)
        }
        return self.make(chosen)

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """Combine two parents: take the value of each choice from one of them, with equal probability."""
        from_a = rng.random(len(self.choices)) < 0.5
        return self.make({label: (a if left else b)[label] for left, label in zip(from_a, self.choices, strict=True)})
