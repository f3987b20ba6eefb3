"""What an architecture consists of and how much work it is."""

from __future__ import annotations

from functools import reduce
from operator import add

from supernet.catalogue import find_architecture
from supernet.counts import Counts
from supernet.families import FAMILIES
from supernet.operators import Branch
from supernet.space import Architecture


def describe(arch: str) -> dict:
    """Describe an architecture: parameters, multiply-adds, operators.

    One multiply-add counts as one FLOP. `macs` are those of the search branch, which runs on every frame; the template branch
    runs once per target. `macs_fvcore` counts as fvcore does, and as the LightTrack paper's figures do.

    Args:
        arch: Official name, preset (lighttrack-mobile) or architecture .json file.
    """
    architecture = find_architecture(arch)
    family = FAMILIES[architecture.family]
    search = branch_counts(architecture, "search")
    return {
        "family": architecture.family,
        "name": architecture.name,
        "key": architecture.key,
        "params": search.params,
        "macs": search.macs,
        "macs_fvcore": search.macs_fvcore,
        "template_macs": branch_counts(architecture, "template").macs,
        "output_stride": family.output_stride(architecture),
        "operators": [op.to_json() for op in family.operators(architecture)],
    }


def branch_counts(arch: Architecture, branch: Branch) -> Counts:
    """Work and size of one branch; the search branch holds all parameters of the network."""
    return reduce(add, (op.counts for op in FAMILIES[arch.family].operators(arch) if op.branch == branch))
