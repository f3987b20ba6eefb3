"""Whole networks, measured to check and to correct what a sum of operators says."""

from __future__ import annotations

import numpy as np

from supernet.bundle import search_graph, template_graph
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


def onnx(family: LightTrackFamily, architecture: Architecture, branch: Branch) -> bytes:
    """The graph of one branch with random weights, as an exported tracker has it."""
    network = family.network(architecture)
    if branch == "template":
        return template_graph(network, family.template_size)
    return search_graph(network, family.template_size, family.search_size)
