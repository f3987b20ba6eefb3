"""NSGA-II: non-dominated sorting, crowding distance, uniform crossover and mutation.

Source: Deb et al., A fast and elitist multiobjective genetic algorithm, 2002; Optuna's sampler. The population is a sixth of the planned
evaluations, which leaves six generations, but at least 8 and at most 48 (the population of LightTrack's search).
"""

from __future__ import annotations

from optuna.samplers import BaseSampler, NSGAIISampler

from search.problem.feasible import FeasibilityFilter, FeasibleSampler


def nsga2(feasible: FeasibilityFilter, seed: int) -> BaseSampler:
    """Make a sampler that breeds the next architecture from the best ones of the generations before."""
    population = population_of(feasible.problem.evaluations)
    return FeasibleSampler(lambda drawn: NSGAIISampler(population_size=population, seed=drawn), feasible, seed)


def population_of(evaluations: int) -> int:
    """Return the size of a generation for a number of planned evaluations."""
    return min(48, max(8, evaluations // 6))
