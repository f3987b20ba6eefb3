"""Whole networks: the graphs that a tracker runs, for checking what a sum of operators says."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from supernet.families import LightTrackFamily
from supernet.graph import to_onnx
from supernet.network import TrackingNetwork
from supernet.operators import Branch
from supernet.space import Architecture

_DRAWS = 8


def draw(family: LightTrackFamily, count: int, seed: int) -> list[Architecture]:
    """Random architectures, spread evenly over what random samples cost in multiply-adds.

    Args:
        family: Where to draw.
        count: How many; each is one of several samples of similar size.
        seed: Fixes the draw.
    """
    rng = np.random.default_rng(seed)
    samples = {architecture.key: architecture for architecture in (family.space.sample(rng) for _ in range(_DRAWS * count))}
    by_size = sorted(samples.values(), key=lambda architecture: macs(family, architecture))
    strata = np.array_split(np.arange(len(by_size)), count) if count else []
    return [by_size[rng.choice(stratum)] for stratum in strata]


def macs(family: LightTrackFamily, architecture: Architecture, branch: Branch = "search") -> int:
    """Multiply-adds of one branch."""
    return sum(op.counts.macs for op in family.operators(architecture) if op.branch == branch)


def onnx(family: LightTrackFamily, architecture: Architecture, branch: Branch) -> bytes:
    """The graph of one branch with random weights: `search.onnx` or `template.onnx` of an exported tracker."""
    network = family.network(architecture)
    first, *_, last = [op for op in family.operators(architecture) if op.branch == "template"]
    if branch == "template":
        return to_onnx(_Template(network), {"template": torch.randn(1, *first.in_shape)}, ["template_features"])
    size = family.search_size
    inputs = {"search": torch.randn(1, 3, size, size), "template_features": torch.randn(1, *last.out_shape)}
    return to_onnx(_Search(network), inputs, ["cls", "reg"])


class _Template(nn.Module):
    def __init__(self, network: TrackingNetwork):
        super().__init__()
        self.network = network

    def forward(self, image):
        return self.network.template(image)


class _Search(nn.Module):
    def __init__(self, network: TrackingNetwork):
        super().__init__()
        self.network = network

    def forward(self, image, template_features):
        return self.network.search(image, template_features)
