"""Looks for the architecture that meets the limits of a search by the widest margin, or says which limits cannot be met."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.metrics.amounts import count
from search.problem.problem import Constraint, Problem
from supernet.space import Architecture

_SAMPLES = 500
"""Random architectures that the look-out for the cheapest one starts from."""


def cheapest(problem: Problem) -> Architecture:
    """Look for the architecture that stays below the limits by the widest margin.

    The best of some random architectures is improved choice by choice, so a slightly better one may be missed.

    Args:
        problem: The problem of a search.

    Returns:
        The architecture whose largest excess over a limit is smallest. Without limits, the one whose first cheap cost is smallest; a
        random one if no cost is cheap either.

    Raises:
        ValueError: Even that architecture exceeds a limit; the error says which limits are missed, and by how much.
    """
    if not problem.constraints:
        cost = next((each for each in problem.objectives if each.cheap and each.metric.direction == "minimize"), None)
        return problem.space.sample(np.random.default_rng(0)) if cost is None else _closest(problem, [Constraint(cost, 1.0)])[0]
    best, above = _closest(problem, problem.constraints)
    if above.max() <= 0:
        return best
    alone = {constraint: _closest(problem, (constraint,)) for constraint in problem.constraints}
    impossible = [_needs(problem, constraint, *found) for constraint, found in alone.items() if found[1][0] > 0]
    if impossible:
        raise ValueError(
            f"limits must leave room for some architecture, {'; '.join(impossible)}; raise {'them' if impossible[1:] else 'it'}"
        )
    missed = [f"{c.name} by {excess:.1%}" for c, excess in zip(problem.constraints, above, strict=True) if excess > 0]
    names = " and ".join(constraint.name for constraint in problem.constraints)
    raise ValueError(
        f"limits must leave room for some architecture, each of {names} does alone but not all together: the closest one found exceeds "
        f"{' and '.join(missed)}; raise one of them"
    )


def _needs(problem: Problem, constraint: Constraint, best: Architecture, above: np.ndarray) -> str:
    """What an error says of a limit that no architecture meets."""
    needed = constraint.objective.of(problem.family.space.indices([best]))[0]
    share = f" ({above[0]:.1%} more)" if constraint.limit else ""
    return f"{constraint.name} is {count(constraint.limit)} {constraint.objective.metric.unit} and the cheapest one found needs {count(needed)}{share}"


def _closest(problem: Problem, constraints: Sequence[Constraint]) -> tuple[Architecture, np.ndarray]:
    """Find the architecture with the smallest largest excess, and its (C,) excess over each of C limits.

    The best of random samples is changed in one choice after the other until no single change helps.
    """
    space = problem.space

    def excess(architectures: list[Architecture]) -> np.ndarray:
        choices = problem.family.space.indices(architectures)
        return np.stack([constraint.excess(constraint.objective.of(choices)) for constraint in constraints], axis=1)

    def margin(architectures: list[Architecture]) -> np.ndarray:
        each = excess(architectures)
        # the largest excess decides; the sum lets the others shrink where the largest cannot
        return each.max(axis=1) + 1e-3 * each.sum(axis=1)

    rng = np.random.default_rng(0)
    drawn = [space.sample(rng) for _ in range(_SAMPLES)]
    margins = margin(drawn)
    best, least = drawn[int(margins.argmin())], margins.min()
    improved = True
    while improved:
        improved = False
        for label, options in space.choices.items():
            variants = [space.make({**dict(best.choices), label: option}) for option in options]
            margins = margin(variants)
            if margins.min() < least - 1e-12:
                best, least, improved = variants[int(margins.argmin())], margins.min(), True
    return best, excess([best])[0]
