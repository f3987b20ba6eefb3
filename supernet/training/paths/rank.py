"""Two random architectures a step, and a penalty when the one with more multiply-adds has the larger loss.

Source: pairwise rank loss guided by multiply-adds, with a ramped weight (third place of the CVPR 2022 challenge on depth and width
search). The prior that larger networks are better pulls the inherited losses into its order; how far is decided by the weight.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from supernet.space import Architecture
from supernet.training.passes import Losses
from supernet.training.paths.rule import Rule, RunPath
from supernet.training.paths.sizes import macs

WEIGHT = 2.0
"""Weight of the penalty in the last step; it rises linearly from 0."""


class Rank(Rule):
    """Two architectures a step, which the loss also compares."""

    def paths(self, step: int) -> tuple[Architecture, ...]:
        rng = self.rng(step)
        return tuple(self.draw(step, rng) for _ in range(2))

    def losses(self, step: int, run: RunPath) -> Iterator[Losses]:
        small, large = sorted(self.paths(step), key=lambda arch: macs(self.family, arch))
        passed = [run(small).losses, run(large).losses]
        below, above = (torch.stack(tuple(losses.values())).sum() for losses in passed)
        # pairs of equal cost have no order
        wrong = torch.relu(above - below) * (macs(self.family, large) > macs(self.family, small))
        means = {name: (passed[0][name] + passed[1][name]) / 2 for name in passed[0]}
        yield means | {"rank_loss": wrong * (WEIGHT * step / self.steps)}
