"""NSGA-III: as NSGA-II, but survivors are spread over directions between the objectives, which also works for more than three of them.

Source: Deb and Jain, An evolutionary many-objective optimization algorithm using reference-point-based nondominated sorting, 2014;
Optuna's sampler. There are about as many directions as the population has members.
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
    """Breed the next architecture from survivors in all directions."""
    population, objectives = population_of(feasible.problem.evaluations), len(feasible.problem.objectives)
    divisions = next(d for d in count(1) if comb(d + objectives - 1, objectives - 1) >= population)

    def make(drawn: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # of its interface, for years
            return NSGAIIISampler(population_size=population, dividing_parameter=divisions, seed=drawn)

    return FeasibleSampler(make, feasible, seed)
