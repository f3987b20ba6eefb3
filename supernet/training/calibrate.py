"""BatchNorm statistics of a sampled child, recalculated for each branch.

Weights inherited from a supernet come with statistics of many paths mixed. Source: Single Path One-Shot (Guo et al., ECCV 2020)
recalculates them per candidate; a pass for each branch, templates and search regions, is ours, and costs nothing at run time
because the branches are exported as two graphs.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class Branched(Protocol):
    """A network whose branches share weights but may have statistics of their own."""

    @property
    def is_split(self) -> bool:
        """Whether they do."""
        ...

    def split_branches(self) -> None:
        """Give every branch statistics of its own."""
        ...


@torch.no_grad()
def calibrate(network: nn.Module, templates: Tensor, searches: Tensor) -> None:
    """Replace all BatchNorm statistics by those of the given crops, of each branch by those of its own crops.

    Args:
        network: Takes templates and search crops; changed in place, branches split where it has any, left in eval mode.
        templates: (N, 3, h, h) normalised RGB.
        searches: (N, 3, s, s) normalised RGB, the matching search regions.
    """
    if isinstance(network, Branched):
        network.split_branches()
    momenta = {norm: norm.momentum for norm in network.modules() if isinstance(norm, nn.BatchNorm2d)}
    for norm in momenta:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative mean: one pass sets the statistics of this very batch
    network.train()
    network(templates, searches)
    for norm, momentum in momenta.items():
        norm.momentum = momentum
    network.eval()
