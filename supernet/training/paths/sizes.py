"""The cost of an architecture, and the largest and the smallest architecture of a family."""

from __future__ import annotations

from collections.abc import Callable

from supernet.families.family import Family
from supernet.space import Architecture

_Cost = Callable[[Architecture], tuple[int, int]]


def macs(family: Family, arch: Architecture) -> int:
    """Multiply-adds of the search branch, which runs on every frame."""
    return family.counts(arch, "search").macs


def largest(family: Family) -> Architecture:
    """The architecture with the most multiply-adds; among equals the one with the most parameters."""
    return _extreme(family, -1, lambda arch: (-macs(family, arch), -family.counts(arch, "search").params))


def smallest(family: Family) -> Architecture:
    """The architecture with the fewest multiply-adds; among equals the one with the fewest parameters."""
    return _extreme(family, 0, lambda arch: (macs(family, arch), family.counts(arch, "search").params))


def _extreme(family: Family, start: int, cost: _Cost) -> Architecture:
    """Improve one choice after the other until no single change lowers the cost.

    Choices raise the cost whatever the others are, so this ends at the least cost of all, unless a family mixes them in another way. It
    starts from the first or the last value of every choice, which decides between values of equal cost.
    """
    best = family.architecture({label: values[start] for label, values in family.choices.items()})
    improved = True
    while improved:
        improved = False
        for label, values in family.choices.items():
            variants = [family.architecture({**dict(best.choices), label: value}) for value in values]
            candidate = min(variants, key=cost)
            if cost(candidate) < cost(best):
                best, improved = candidate, True
    return best
