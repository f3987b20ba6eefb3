"""Recalculates the BatchNorm statistics of a subnet, separately for each branch.

The BatchNorm statistics that a subnet inherits from a supernet mix those of many subnets. Source: Single Path One-Shot (Guo et al., ECCV
2020) recalculates them for each subnet. Separate statistics for templates and search crops are our addition. They cost nothing at run
time, because the two branches are exported as two graphs.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class Branched(Protocol):
    """A network whose template and search branch have equal weights, and which can give each branch its own BatchNorm statistics."""

    @property
    def is_split(self) -> bool:
        """Whether the branches have separate BatchNorm statistics."""
        ...

    def split_branches(self) -> None:
        """Give each branch its own copy of the BatchNorm statistics; called again, it starts from the search branch's once more."""
        ...


@torch.no_grad()
def calibrate(network: nn.Module, templates: Tensor, searches: Tensor) -> None:
    """Replace the statistics of all BatchNorms (2d) of a network by those of the given crops.

    One forward pass in training mode sets mean and variance of each BatchNorm to those of its input. If the network is `Branched`, its
    branches are split first, so that each gets the statistics of its own crops. A BatchNorm that the forward pass does not reach is left
    with mean 0 and variance 1.

    Args:
        network: Takes a batch of templates and one of search crops; changed in place and left in eval mode.
        templates: (N, 3, h, h) normalised RGB template crops of h x h px.
        searches: (N, 3, s, s) normalised RGB search crops of s x s px; crop i belongs to template i.
    """
    if isinstance(network, Branched):
        network.split_branches()
    momenta = {norm: norm.momentum for norm in network.modules() if isinstance(norm, nn.BatchNorm2d)}
    for norm in momenta:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative mean: one pass sets the statistics to those of this batch
    network.train()
    try:
        network(templates, searches)
    finally:
        for norm, momentum in momenta.items():
            norm.momentum = momentum
        network.eval()
