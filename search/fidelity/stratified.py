"""Draws architectures that span a family: stratified over the logarithm of their multiply-adds.

Uniform samples of a family with many choices all cost about the same. So each of many samples is mixed with the largest or the smallest
architecture, in a random proportion, and one sample is taken from each of N equal intervals between the costs of the two.
"""

from __future__ import annotations

import numpy as np

from search.metrics.counted import multiply_adds
from supernet.families.family import Family
from supernet.space import Architecture
from supernet.training.paths.sizes import largest, smallest

_POOL = 3000
"""Number of samples that are drawn."""


def stratified(family: Family, count: int, seed: int) -> list[Architecture]:
    """Draw different architectures, from the cheapest interval to the dearest.

    Args:
        family: The family.
        count: Number N of architectures.
        seed: Seed of the samples.

    Raises:
        ValueError: The family has fewer different architectures.
    """
    rng = np.random.default_rng(seed)
    extremes = smallest(family), largest(family)
    drawn = {arch.key: arch for arch in (*extremes, *(_mixed(family, extremes[rng.integers(2)], rng) for _ in range(_POOL)))}
    if len(drawn) < count:
        raise ValueError(
            f"architectures must be at most as many as the family {family.name} has, got {count} of some {len(drawn)}; ask for fewer"
        )
    pool = list(drawn.values())
    costs = np.log(multiply_adds(family).of(family.space.indices(pool)))
    edges = np.linspace(costs.min(), costs.max(), count + 1)
    found: list[int] = []
    for low, high in zip(edges, edges[1:], strict=False):
        left = np.setdiff1d(np.arange(len(pool)), found)
        inside = left[(costs[left] >= low) & (costs[left] <= high)]
        middle = (low + high) / 2
        found.append(int(rng.choice(inside)) if len(inside) else int(left[np.abs(costs[left] - middle).argmin()]))
    return [pool[i] for i in sorted(found, key=lambda i: costs[i])]


def _mixed(family: Family, extreme: Architecture, rng: np.random.Generator) -> Architecture:
    """A random architecture that takes each value from the extreme with one random probability."""
    share = rng.random()
    drawn = family.space.sample(rng)
    return family.architecture({label: (extreme if rng.random() < share else drawn)[label] for label in family.choices})
