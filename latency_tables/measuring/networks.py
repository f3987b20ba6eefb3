"""Whole networks, measured to check and to correct what a sum of operators says."""

from __future__ import annotations

import numpy as np

from supernet.deploy.model import Model, with_ruled_weights
from supernet.families.family import Family
from supernet.operators import Branch
from supernet.space import Architecture

_DRAWS = 8


def draw(family: Family, count: int, seed: int) -> list[Architecture]:
    """Random architectures, spread evenly over what random samples cost in multiply-adds.

    Args:
        family: Where to draw.
        count: How many; each is one of several samples of similar size.
        seed: Fixes the draw.
    """
    rng = np.random.default_rng(seed)
    samples = {architecture.key: architecture for architecture in (family.space.sample(rng) for _ in range(_DRAWS * count))}
    by_size = sorted(samples.values(), key=lambda architecture: family.counts(architecture, "search").macs)
    strata = np.array_split(np.arange(len(by_size)), count) if count else []
    return [by_size[rng.choice(stratum)] for stratum in strata if len(stratum)]


def typical(family: Family, count: int = 8) -> list[Architecture]:
    """Random architectures whose multiply-adds lie nearest to the middle of what a family draws, the nearest first."""
    drawn = draw(family, 3 * count, seed=0)
    return sorted(drawn, key=lambda architecture: abs(drawn.index(architecture) - len(drawn) / 2))[:count]


def uniform(family: Family) -> list[Architecture]:
    """Architectures that take the first option of every choice, the second option, and so on: each knows few kinds of operators."""
    choices = family.space.choices
    most = max(map(len, choices.values()))
    return [family.architecture({label: values[min(i, len(values) - 1)] for label, values in choices.items()}) for i in range(most)]


def model(family: Family, architecture: Architecture, branch: Branch) -> Model:
    """One branch with random weights, as an exported tracker has it."""
    spec = next(spec for spec in family.graphs(architecture) if spec.name == branch)
    title = name(architecture, branch)
    return Model(title, lambda: with_ruled_weights(title, spec.module(family.network(architecture))), spec.inputs, spec.outputs)


def name(architecture: Architecture, branch: Branch) -> str:
    """Of a network's model."""
    return f"network:{architecture.name}:{branch}"
