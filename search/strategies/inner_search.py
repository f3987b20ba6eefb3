"""NSGA-II on architectures given as integers, for figures that are predicted: it handles tens of thousands of architectures a second.

Source: Deb et al., A fast and elitist multiobjective genetic algorithm, 2002. Differently from there, offspring that exceed a limit, or
that are a network met before, are dropped instead of being ranked last, since the search begins with feasible architectures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from search.front.pareto import no_worse
from search.problem.problem import Problem
from supernet.space import Value

_AT_ONCE = 2000
"""Number of architectures above which `best` compares them in parts first, instead of each with each."""


@dataclass(frozen=True)
class Genes:
    """The searched part of a space, with architectures as integers, and a check of which of them are within the limits.

    Worked example: a family with `kernel` (3, 5, 7) and `depth` (1, 2), of which a search leaves out kernel 3. An architecture is a row
    of indices of the family's whole space, so kernel 7 and depth 2 are the genes (2, 1); `values` are ((1, 2), (0, 1)), and a gene of
    0 for the kernel is never drawn. Crossing (2, 1) with (1, 0) takes each gene from either, for example (1, 1): kernel 5, depth 2.
    """

    problem: Problem
    values: tuple[np.ndarray, ...]
    """For each choice, the indices in the family's whole space of the values that may be chosen."""

    @classmethod
    def of(cls, problem: Problem) -> Genes:
        """Derive the genes from the space that a problem searches."""
        whole, searched = problem.family.space.choices, problem.space.choices
        return cls(problem, tuple(np.array([values.index(value) for value in searched[label]]) for label, values in whole.items()))

    def indices(self, chosen: Mapping[str, Value]) -> np.ndarray:
        """Return the (L,) indices of chosen values, as they are spelled.

        A value that is not searched, which a choice without effect may have, is replaced by one that is.
        """
        whole = self.problem.family.space.choices
        listed = [values.index(chosen[label]) for label, values in whole.items()]
        return np.array([i if i in allowed else allowed[0] for i, allowed in zip(listed, self.values, strict=True)])

    def chosen(self, indices: np.ndarray) -> dict[str, Value]:
        """Return the chosen values by label, for (L,) indices."""
        return {label: values[i] for i, (label, values) in zip(indices, self.problem.family.space.choices.items(), strict=True)}

    def random(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count, L) indices of random architectures; every choice is drawn uniformly."""
        return np.stack([values[rng.integers(len(values), size=count)] for values in self.values], axis=1)

    def mutated(self, choices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(N, L) copies of the rows, in which on average 1.5 of the choices that have several values are drawn anew."""
        free = np.array([len(values) > 1 for values in self.values])
        redrawn = rng.random(choices.shape) < 1.5 / max(1, free.sum())
        return np.where(redrawn, self.random(len(choices), rng), choices)

    def keys(self, choices: np.ndarray) -> list[bytes]:
        """Return a key for each of (N, L) rows, which is equal for all spellings of one network."""
        return [row.tobytes() for row in self.problem.family.occurrences.canonical(choices).astype(np.int16)]

    def fresh(self, choices: np.ndarray, met: set[bytes]) -> np.ndarray:
        """Return the rows of (N, L) that are within the limits and not in `met`, each network once; adds the keys of all rows to `met`."""
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
        genes: The searched space and its limits.
        start: (N, L) indices of the architectures to begin with.
        met: Keys of networks that are not wanted; the keys of all networks that are looked at are added.
        score: Function from (N, L) indices to (N, D) figures, which are to be minimised.
        rng: Source of randomness.
        size: Number of architectures that are kept from each generation, and of those bred for the next.
        generations: Number of generations.

    Returns:
        The last population as (M, L) indices, best first, with M <= size: different networks within the limits. It is empty if no row of
        `start` can be used.
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
    """(count, L) children: each choice comes from one of two parents, and each parent is the earlier, hence better, of two random rows."""
    one, other = rng.integers(len(population), size=(2, 2, count)).min(axis=0)
    return np.where(rng.random((count, population.shape[1])) < 0.5, population[one], population[other])


def best(figures: np.ndarray, count: int) -> np.ndarray:
    """Indices of the best `count` rows of (N, D) figures, best first: front by front, and by crowding distance within a front."""
    at_once = max(_AT_ONCE, 2 * count)
    if len(figures) > at_once:
        parts = np.array_split(np.arange(len(figures)), -(-len(figures) // at_once))
        finalists = np.concatenate([part[best(figures[part], count)] for part in parts])
        return finalists[best(figures[finalists], count)]
    at_least = no_worse(figures, figures)
    beats = np.asarray(at_least & ~at_least.T).astype(np.float32)  # floats are summed faster than booleans
    beaten_by = beats.sum(axis=0)
    chosen = np.empty(0, int)
    while len(chosen) < min(count, len(figures)):
        front = np.flatnonzero(beaten_by == 0)
        chosen = np.append(chosen, front[np.argsort(-crowding(figures[front]), kind="stable")])
        beaten_by -= beats[front].sum(axis=0)
        beaten_by[front] = -1
    return chosen[:count]


def crowding(figures: np.ndarray) -> np.ndarray:
    """(N,) crowding distance of (N, D) figures: the distance between the two neighbours of each row, summed over the columns.

    Distances are relative to the range of a column, and infinite for the first and the last row of a column.
    """
    room = np.zeros(len(figures))
    for column in figures.T:
        order = column.argsort(kind="stable")
        ordered = column[order]
        gaps = np.full(len(figures), np.inf)
        gaps[1:-1] = (ordered[2:] - ordered[:-2]) / (np.ptp(ordered) or 1.0)
        room[order] += gaps
    return room
