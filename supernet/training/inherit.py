"""Cuts a tracker out of a supernet: an architecture with inherited weights, calibrated, and ready to track without any training."""

from __future__ import annotations

from torch import nn

from supernet.checkpoints import TrackerCheckpoint
from supernet.families.family import Family, Supernet
from supernet.space import Architecture
from supernet.training.batches import pair_source, resized, tensors
from supernet.training.calibrate import calibrate

CALIBRATION_PAIRS = 64
"""Number of pairs from which the BatchNorm statistics of a trained network are calculated."""
CALIBRATION_SEED = 10_000
"""Seed of these pairs, or what is added to the seed of a training."""


def inherit(supernet: Supernet, arch: Architecture, data: str = "synthetic") -> TrackerCheckpoint:
    """Cut an architecture out of a supernet.

    Args:
        supernet: The supernet.
        arch: An architecture of its family.
        data: Data that BatchNorm statistics are calculated from, `synthetic` or DATASET:ROOT.

    Returns:
        The tracker, with the constants of its family.
    """
    return calibrated(supernet.family, supernet.extract(arch), arch, data, CALIBRATION_SEED)


def calibrated(family: Family, network: nn.Module, arch: Architecture, data: str, seed: int) -> TrackerCheckpoint:
    """Make a tracker of a trained network: set the BatchNorm statistics of each branch.

    Args:
        family: The family of the network.
        network: The network, on the CPU; changed in place.
        arch: Its architecture.
        data: Data that the statistics are calculated from, `synthetic` or DATASET:ROOT.
        seed: Seed of the pairs.
    """
    settings = family.settings_of(arch)
    pairs = pair_source(data, family.settings, seed).batch(0, CALIBRATION_PAIRS)
    calibrate(network, *resized(tensors(pairs), family.settings, settings)[:2])
    return TrackerCheckpoint(network, arch, family.tracker, settings)
