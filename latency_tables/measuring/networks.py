"""Whole networks to measure, by which the sum of a network's operators is checked and corrected."""

from __future__ import annotations

import numpy as np

from supernet.deploy.model import Model, with_reproducible_weights
from supernet.families.family import Family
from supernet.operators import Branch
from supernet.space import Architecture

_DRAWS = 8
"""Number of random samples for each architecture that `draw` returns."""


def draw(family: Family, count: int, seed: int) -> list[Architecture]:
    """Random architectures, spread evenly over the sizes that random architectures of a family have.

    Of 8 times `count` samples, sorted by the multiply-adds of the search branch, one is drawn from each of `count` equal groups.

    Args:
        family: Family to draw from.
        count: Number of architectures.
        seed: Fixes the draw.

    Returns:
        `count` architectures, the cheapest first; fewer if the family has too few different ones.
    """
    rng = np.random.default_rng(seed)
    samples = {architecture.key: architecture for architecture in (family.space.sample(rng) for _ in range(_DRAWS * count))}
    by_size = sorted(samples.values(), key=lambda architecture: family.counts(architecture, "search").macs)
    strata = np.array_split(np.arange(len(by_size)), count) if count else []
    return [by_size[rng.choice(stratum)] for stratum in strata if len(stratum)]


def typical(family: Family, count: int = 8) -> list[Architecture]:
    """Random architectures of a family of about median size (in multiply-adds), the one nearest to the median first."""
    drawn = draw(family, 3 * count, seed=0)
    return sorted(drawn, key=lambda architecture: abs(drawn.index(architecture) - len(drawn) / 2))[:count]


def uniform(family: Family) -> list[Architecture]:
    """Architectures that take the first option of every choice, the second option, and so on, so that each has few kinds of operators.

    A choice with fewer options takes its last one.
    """
    choices = family.space.choices
    most = max(map(len, choices.values()))
    return [family.architecture({label: values[min(i, len(values) - 1)] for label, values in choices.items()}) for i in range(most)]


def model(family: Family, architecture: Architecture, branch: Branch) -> Model:
    """One branch of a network as it is exported, as a model with pseudo-random weights that its name fixes."""
    spec = next(spec for spec in family.graphs(architecture) if spec.name == branch)
    title = name(architecture, branch)
    return Model(title, lambda: with_reproducible_weights(title, spec.module(family.network(architecture))), spec.inputs, spec.outputs)


def name(architecture: Architecture, branch: Branch) -> str:
    """Name of the model of one branch of a network."""
    return f"network:{architecture.name}:{branch}"
