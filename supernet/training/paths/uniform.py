"""One random architecture a step.

Source: single-path one-shot training with uniform sampling (Guo et al., ECCV 2020), as LightTrack uses it. The cheap start is ours.
"""

from supernet.space import Architecture
from supernet.training.paths.rule import Rule


class Uniform(Rule):
    """One random architecture a step."""

    def paths(self, step: int) -> tuple[Architecture, ...]:
        return (self.draw(step, self.rng(step)),)
