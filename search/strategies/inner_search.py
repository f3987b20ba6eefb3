"""NSGA-II on architectures given as integers: tens of thousands a second, where figures are predicted rather than found with weights.

Source: Deb et al., A fast and elitist multiobjective genetic algorithm, 2002. Offspring that exceed a limit, or that are a network
met before, are dropped instead of being ranked last: there is always something feasible to begin with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from search.front.pareto import no_worse
from search.problem.problem import Problem
from supernet.space import Value

_AT_ONCE = 2000
"""Figures that are compared all with all."""


@dataclass(frozen=True)
class Genes:
    """The searched part of a space as integers, and which of its architectures are within the limits.

    Worked example: a family with `kernel` (3, 5, 7) and `depth` (1, 2), of which a search leaves out kernel 3. An architecture is a row
    of indices of the family's whole space, so kernel 7 and depth 2 are the genes (2, 1); `values` are ((1, 2), (0, 1)), and a gene of
    0 for the kernel is never drawn. Crossing (2, 1) with (1, 0) takes each gene from either, for example (1, 1): kernel 5, depth 2.
    """

    problem: Problem
    values: tuple[np.ndarray, ...]
    """Allowed indices of every choice, of the family's whole space."""

    @classmethod
    def of(cls, problem: Problem) -> Genes:
        """Read them off the space that is searched."""
        whole, searched = problem.family.space.choices, problem.space.choices
        return cls(problem, tuple(np.array([values.index(value) for value in searched[label]]) for label, values in whole.items()))

    def indices(self, chosen: Mapping[str, Value]) -> np.ndarray:
        """(L,) indices of chosen values, in just this spelling; an allowed one where a choice that changes nothing has another."""
        whole = self.problem.family.space.choices
        listed = [values.index(chosen[label]) for label, values in whole.items()]
        return np.array([i if i in allowed else allowed[0] for i, allowed in zip(listed, self.values, strict=True)])

    def chosen(self, indices: np.ndarray) -> dict[str, Value]:
        """The values at (L,) indices."""
        return {label: values[i] for i, (label, values) in zip(indices, self.problem.family.space.choices.items(), strict=True)}

    def random(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count, L) indices, every choice drawn uniformly."""
        return np.stack([values[rng.integers(len(values), size=count)] for values in self.values], axis=1)

    def mutated(self, choices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(N, L) with, of each row, about one and a half of the free choices drawn anew."""
        free = np.array([len(values) > 1 for values in self.values])
        redrawn = rng.random(choices.shape) < 1.5 / max(1, free.sum())
        return np.where(redrawn, self.random(len(choices), rng), choices)

    def keys(self, choices: np.ndarray) -> list[bytes]:
        """What is equal for the spellings of one network, of each of (N, L) rows."""
        return [row.tobytes() for row in self.problem.family.occurrences.canonical(choices).astype(np.int8)]

    def fresh(self, choices: np.ndarray, met: set[bytes]) -> np.ndarray:
        """Those rows of (N, L) that are within the limits and not met before, each network once; adds them to `met`."""
        new = []
        for i, key in enumerate(self.keys(choices)):
            if key not in met:
                met.add(key)
                new.append(i)
        rows = choices[new]
        return rows[(self.problem.excess(rows) <= 0).all(axis=1)]


def evolve(
    genes: Genes,
    start: np.ndarray,
    met: set[bytes],
    score: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
    size: int,
    generations: int,
) -> np.ndarray:
    """Breed a population towards the Pareto front of predicted figures.

    Args:
        genes: What may be bred.
        start: (N, L) indices to begin with.
        met: Keys of networks that are not wanted; all that are looked at come to it.
        score: (N, D) figures of (N, L) indices, to be minimised.
        rng: Source of randomness.
        size: Architectures kept from each generation, and bred for the next.
        generations: How often.

    Returns:
        The last (M, L) population, best first, M <= size; different networks within the limits. None if none was among `start`.
    """
    population = genes.fresh(start, met)
    figures = score(population)
    kept = best(figures, size)
    for _ in range(generations if len(population) else 0):
        population, figures = population[kept], figures[kept]
        children = genes.fresh(genes.mutated(_crossed(population, rng, size), rng), met)
        population, figures = np.concatenate([population, children]), np.concatenate([figures, score(children)])
        kept = best(figures, size)
    return population[kept]


def _crossed(population: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, L) children: every choice from one of two parents, which won a tournament of two; earlier rows are better."""
    one, other = rng.integers(len(population), size=(2, 2, count)).min(axis=0)
    return np.where(rng.random((count, population.shape[1])) < 0.5, population[one], population[other])


def best(figures: np.ndarray, count: int) -> np.ndarray:
    """Indices of the best `count` of (N, D) figures: front by front, of the last one those with most room; best first."""
    at_once = max(_AT_ONCE, 2 * count)
    if len(figures) > at_once:
        parts = np.array_split(np.arange(len(figures)), -(-len(figures) // at_once))
        finalists = np.concatenate([part[best(figures[part], count)] for part in parts])
        return finalists[best(figures[finalists], count)]
    at_least = no_worse(figures, figures)
    beats = np.asarray(at_least & ~at_least.T).astype(np.float32)  # of floats, products of matrices are fast
    beaten_by = beats.sum(axis=0)
    chosen = np.empty(0, int)
    while len(chosen) < min(count, len(figures)):
        front = np.flatnonzero(beaten_by == 0)
        chosen = np.append(chosen, front[np.argsort(-crowding(figures[front]), kind="stable")])
        beaten_by -= beats[front].sum(axis=0)
        beaten_by[front] = -1
    return chosen[:count]


def crowding(figures: np.ndarray) -> np.ndarray:
    """(N,) sides of the box that each of (N, D) figures has to itself, summed; infinite at the ends."""
    room = np.zeros(len(figures))
    for column in figures.T:
        order = column.argsort(kind="stable")
        ordered = column[order]
        gaps = np.full(len(figures), np.inf)
        gaps[1:-1] = (ordered[2:] - ordered[:-2]) / (np.ptp(ordered) or 1.0)
        room[order] += gaps
    return room
