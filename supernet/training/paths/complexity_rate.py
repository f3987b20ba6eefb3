"""One random architecture a step, whose learning rate falls later the larger it is.

Source: complexity-aware learning rate of Subnet-Aware Dynamic Supernet Training (Jeon et al., CVPR 2025, arXiv 2503.10740): with equal
rates small networks converge first, and are ranked too high. The rate is eta0 (1 - t/T)^gamma with gamma = w log(parameters) + c, where w
and c follow from the gammas of the smallest and the largest architecture. The warm-up is the recipe's.

Worked example: half way, the smallest architecture (gamma 2) learns with 1/4 of the peak rate, the largest (gamma 1/2) with .71 of it.
"""

from __future__ import annotations

from functools import cached_property
from math import log

from supernet.space import Architecture
from supernet.training.paths.uniform import Uniform
from supernet.training.recipe import Recipe

SMALLEST, LARGEST = 2.0, 0.5
"""Gamma of the smallest and of the largest architecture of a family."""


class ComplexityRate(Uniform):
    """Uniform sampling with a learning rate that depends on the architecture."""

    def rate(self, recipe: Recipe, step: int) -> float:
        (path,) = self.paths(step)
        return recipe.lr * recipe.warm(step) * (1 - step / self.steps) ** self.gamma(path)

    def gamma(self, path: Architecture) -> float:
        """Exponent of the decay: above 1 for small architectures, below 1 for large ones."""
        low, high = self._sizes
        share = (self._size(path) - low) / (high - low) if high > low else 0.5
        return SMALLEST + (LARGEST - SMALLEST) * min(max(share, 0.0), 1.0)

    @cached_property
    def _sizes(self) -> tuple[float, float]:
        return self._size(self.smallest), self._size(self.largest)

    def _size(self, path: Architecture) -> float:
        return log(self.family.counts(path, "search").params)
