"""NSGA-II: non-dominated sorting, crowding distance, uniform crossover and mutation.

Source: Deb et al., A fast and elitist multiobjective genetic algorithm, 2002; Optuna's sampler. The population follows
LightTrack's proportion of 48 to about 1000 evaluations where there are many, and leaves six generations where there are few.
"""

from __future__ import annotations

from optuna.samplers import BaseSampler, NSGAIISampler

from search.problem.feasible import FeasibilityFilter, FeasibleSampler


def nsga2(feasible: FeasibilityFilter, seed: int) -> BaseSampler:
    """Breed the next architecture from the better part of the study."""
    population = population_of(feasible.problem.evaluations)
    return FeasibleSampler(lambda drawn: NSGAIISampler(population_size=population, seed=drawn), feasible, seed)


def population_of(evaluations: int) -> int:
    """Size of a generation when so many evaluations are planned."""
    return min(48, max(8, evaluations // 6))
