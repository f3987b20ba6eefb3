"""Whether a table still holds on its device: a sample of its rows is measured again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from latency_tables.measuring.carry_out import carry_out_anew
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.setup import Setup
from latency_tables.tables.table import LatencyTable
from supernet.catalogue import find_family

TYPICAL = 0.05
"""A table holds where the sampled networks lie within this share of it, by the median."""
_OPERATORS, _NETWORKS = 16, 8


def check_table(*, check: Path, python: str | None = None, binary: Path | None = None, wait_minutes: float = 30.0, seed: int = 0) -> dict:
    """Measure a sample of a table again, where and as it was measured, and say whether it still holds.

    Args:
        check: The table, a .csv file.
        python: Python on the device that has the runtime installed; by default python3, and on this machine the one in use.
        binary: For runtimes that are benchmark programs: the program, built for the device.
        wait_minutes: How long to wait for a device that was lost.
        seed: Picks the rows.

    Returns:
        `holds`, `why`, `off` (median and largest relative difference of networks and operators in reference units), `bias`, `speed`
        (times slower than when the table was measured), `changed` (what differs in the profile).

    Raises:
        ValueError: The table is not one that was measured.
        ConnectionError: The device cannot be reached or is in use.
    """
    table = LatencyTable.load(check)
    profile = table.profile
    if profile.runtime in ("simulated", "imported"):
        raise ValueError(f"only a measured table can be checked on its device, {check} is {profile.runtime}; measure one")
    if seed < 0:
        raise ValueError(f"seed must be from 0 to inf, got {seed}")
    family, rng = find_family(profile.family, str(check)), np.random.default_rng(seed)
    names = [name for name, branch in table.networks if branch == "search" and (name, family.branches[-1]) in table.networks]
    operators = [op for op in family.all_operators if op.key in table.operators]
    if not names and not operators:
        raise ValueError(f"a table must have rows of {family.name} to be checked, {check} has none; measure one")
    setup = replace(Setup.of(profile), python=python, binary=binary, wait_minutes=wait_minutes)
    picked = tuple(_some(operators, _OPERATORS, rng))
    networks = tuple(family.parse(name) for name in _some(names, _NETWORKS, rng))
    anew = carry_out_anew(Plan(family, picked, networks, setup, seed, times_only=True))
    whole = np.array([m.reference_units / table.networks[row].reference_units for row, m in anew.networks.items()])
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
    if not len(ratios):
        return {"median": None, "largest": None}
    differences = np.abs(ratios - 1)
    return {"median": float(np.median(differences)), "largest": float(differences.max())}
