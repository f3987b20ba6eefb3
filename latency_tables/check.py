"""Whether a table still holds on its device: a sample of its rows is measured again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from latency_tables.carry_out import carry_out_anew
from latency_tables.chains import all_operators
from latency_tables.plan import Place, Plan
from latency_tables.table import LatencyTable
from supernet.families import FAMILIES

TYPICAL = 0.05
"""A table holds where the sampled networks lie within this share of it, by the median."""
_OPERATORS, _NETWORKS = 16, 8


def check_table(path: Path, *, python: str | None, binary: Path | None, wait_s: float, seed: int) -> dict:
    """Measure some operators and networks of a table again, where and as they were measured.

    Args:
        path: The table.
        python: Python on the device; None for the usual one.
        binary: For runtimes that are benchmark programs: the program.
        wait_s: How long to wait for a device that was lost.
        seed: Picks the rows.

    Returns:
        `holds`, `why`, `off` (median and largest relative difference of networks and operators in reference units), `bias`, `speed`
        (times slower than when the table was measured), `changed` (what differs in the profile).

    Raises:
        ValueError: The table is not one that was measured.
    """
    table = LatencyTable.load(path)
    profile = table.profile
    if profile.runtime in ("simulated", "imported"):
        raise ValueError(f"only a measured table can be checked on its device, {path} is {profile.runtime}; measure one")
    if profile.family not in FAMILIES:
        raise ValueError(f"unknown family {profile.family!r} in {path}; known: {', '.join(sorted(FAMILIES))}")
    family, rng = FAMILIES[profile.family], np.random.default_rng(seed)
    names = [name for name, branch in table.networks if branch == "search" and (name, "template") in table.networks]
    operators = [op for op in all_operators(family) if op.key in table.operators]
    if not names and not operators:
        raise ValueError(f"a table must have rows of {family.name} to be checked, {path} has none; measure one")
    plan = Plan(
        family,
        tuple(_some(operators, _OPERATORS, rng)),
        tuple(family.parse(name) for name in _some(names, _NETWORKS, rng)),
        replace(Place.of(profile), python=python, binary=binary, wait_s=wait_s),
        seed,
        times_only=True,
    )
    anew = carry_out_anew(plan)
    whole = np.array([m.reference_units / table.networks[place].reference_units for place, m in anew.networks.items()])
    parts = np.array([m.reference_units / table.operators[key].reference_units for key, m in anew.operators.items()])
    judged = whole if len(whole) else parts
    off = float(np.median(np.abs(judged - 1)))
    return {
        "holds": off <= TYPICAL,
        "why": f"{'networks' if len(whole) else 'operators'} differ by {off:.1%} in the median, {TYPICAL:.0%} are allowed",
        "off": {kind: _off(ratios) for kind, ratios in (("networks", whole), ("operators", parts))},
        "bias": float(np.median(judged) - 1),
        "speed": anew.reference_ms / table.reference_ms,
        "changed": profile.differences(anew.profile),
    }


def _some(items: list, count: int, rng: np.random.Generator) -> list:
    return [items[i] for i in sorted(rng.choice(len(items), min(count, len(items)), replace=False))]


def _off(ratios: np.ndarray) -> dict[str, float | None]:
    """Median and largest relative difference."""
    differences = np.abs(ratios - 1)
    return (
        {"median": float(np.median(differences)), "largest": float(differences.max())} if len(ratios) else {"median": None, "largest": None}
    )
