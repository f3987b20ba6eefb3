"""One architecture a step, the one with the most multiply-adds of three random ones.

Source: sampling biased to large subnets (first place of the CVPR 2022 challenge on depth and width search). Large networks need more steps
than small ones, and slices of a good large network are good.
"""

from supernet.space import Architecture
from supernet.training.paths.rule import Rule
from supernet.training.paths.sizes import macs

DRAWN = 3
"""Number of random architectures of which the largest is trained."""


class Large(Rule):
    """The largest of a few random architectures."""

    def paths(self, step: int) -> tuple[Architecture, ...]:
        rng = self.rng(step)
        return (max((self.family.space.sample(rng) for _ in range(DRAWN)), key=lambda arch: macs(self.family, arch)),)
