"""Whole networks, measured to check and to correct what a sum of operators says."""

from __future__ import annotations

import numpy as np

from latency_tables.model import Model
from supernet.bundle import SearchGraph, TemplateGraph
from supernet.describe import branch_counts
from supernet.families import LightTrackFamily
from supernet.operators import Branch
from supernet.space import Architecture

_DRAWS = 8


def draw(family: LightTrackFamily, count: int, seed: int) -> list[Architecture]:
    """Random architectures, spread evenly over what random samples cost in multiply-adds.

    Args:
        family: Where to draw.
        count: How many; each is one of several samples of similar size.
        seed: Fixes the draw.
    """
    rng = np.random.default_rng(seed)
    samples = {architecture.key: architecture for architecture in (family.space.sample(rng) for _ in range(_DRAWS * count))}
    by_size = sorted(samples.values(), key=lambda architecture: branch_counts(architecture, "search").macs)
    strata = np.array_split(np.arange(len(by_size)), count) if count else []
    return [by_size[rng.choice(stratum)] for stratum in strata]


def typical(family: LightTrackFamily, count: int = 8) -> list[Architecture]:
    """Random architectures whose multiply-adds lie nearest to the middle of what a family draws, the nearest first."""
    drawn = draw(family, 3 * count, seed=0)
    return sorted(drawn, key=lambda architecture: abs(drawn.index(architecture) - len(drawn) / 2))[:count]


def uniform(family: LightTrackFamily) -> list[Architecture]:
    """Architectures that take the first option of every choice, the second option, and so on: each knows few kinds of operators."""
    choices = family.space.choices
    most = max(map(len, choices.values()))
    return [family.architecture({label: values[min(i, len(values) - 1)] for label, values in choices.items()}) for i in range(most)]


def model(family: LightTrackFamily, architecture: Architecture, branch: Branch) -> Model:
    """One branch with random weights, as an exported tracker has it."""
    if branch == "template":
        shapes = {"template": (1, 3, family.template_size, family.template_size)}
        return Model(name(architecture, branch), lambda: TemplateGraph(family.network(architecture)), shapes, ("template_features",))
    join = next(op for op in family.operators(architecture) if op.kind == "join")
    shapes = {"search": (1, 3, family.search_size, family.search_size), "template_features": (1, *join.input_shapes[1])}
    return Model(name(architecture, branch), lambda: SearchGraph(family.network(architecture)), shapes, ("cls", "reg"))


def name(architecture: Architecture, branch: Branch) -> str:
    """Of a network's model."""
    return f"network:{architecture.name}:{branch}"
