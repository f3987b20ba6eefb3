"""The verb `describe`: what an architecture consists of, and how much work it is."""

from __future__ import annotations

from typing import Annotated

from supernet.catalogue import find_architecture, find_family
from tracking.files.guard import Reads


def describe(arch: Annotated[str, Reads()]) -> dict:
    """Describe an architecture: parameters, multiply-adds, operators.

    One multiply-add counts as one FLOP. `macs` are those of the search branch, which runs on every frame; the template branch
    runs once per target. `macs_fvcore` counts as fvcore and the LightTrack paper do.

    Args:
        arch: Official name, preset (lighttrack-mobile), FAMILY:SPELLING or architecture .json file.
    """
    architecture = find_architecture(arch)
    family = find_family(architecture.family)
    operators = family.operators(architecture)
    search = family.counts(architecture, "search")
    once = any(op.branch == "template" for op in operators)
    return {
        "family": architecture.family,
        "name": architecture.name,
        "key": architecture.key,
        "params": search.params,
        "macs": search.macs,
        "macs_fvcore": search.macs_fvcore,
        "template_macs": family.counts(architecture, "template").macs if once else 0,
        "output_stride": family.output_stride(architecture),
        "operators": [op.to_json() for op in operators],
    }
