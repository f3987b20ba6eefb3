"""NSGA-II: non-dominated sorting, crowding distance, uniform crossover and mutation.

Source: Deb et al., A fast and elitist multiobjective genetic algorithm, 2002; Optuna's sampler. The population follows
LightTrack's proportion of 48 to about 1000 evaluations where there are many, and leaves six generations where there are few.
"""

from __future__ import annotations

from optuna.samplers import BaseSampler, NSGAIISampler

from supernet.space import SearchSpace


def nsga2(space: SearchSpace, evaluations: int, seed: int) -> BaseSampler:
    """Breed the next architecture from the better part of the study.

    Args:
        space: Unused: the choices are in the study.
        evaluations: Number of evaluations planned; sets the size of the population, 8 to 48.
        seed: Start of all randomness.
    """
    return NSGAIISampler(population_size=min(48, max(8, evaluations // 6)), seed=seed)
