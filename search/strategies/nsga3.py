"""NSGA-III: as NSGA-II, but survivors are spread over reference directions between the objectives, which suits more than three of them.

Source: Deb and Jain, An evolutionary many-objective optimization algorithm using reference-point-based nondominated sorting, 2014;
Optuna's sampler. The number of directions is the smallest possible one that is not below the population.
"""

from __future__ import annotations

import warnings
from itertools import count
from math import comb

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, NSGAIIISampler

from search.problem.feasible import FeasibilityFilter, FeasibleSampler
from search.strategies.nsga2 import population_of


def nsga3(feasible: FeasibilityFilter, seed: int) -> BaseSampler:
    """Make a sampler that breeds the next architecture from survivors in all reference directions."""
    population, objectives = population_of(feasible.problem.evaluations), len(feasible.problem.objectives)
    divisions = next(d for d in count(1) if comb(d + objectives - 1, objectives - 1) >= population)

    def make(drawn: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # Optuna has called its interface experimental for years
            return NSGAIIISampler(population_size=population, dividing_parameter=divisions, seed=drawn)

    return FeasibleSampler(make, feasible, seed)
