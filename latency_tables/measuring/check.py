"""The verb `measure --check`: measures a sample of a table's rows again, to see whether the table still holds on its device."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np

from latency_tables.measuring.carry_out import carry_out_anew
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.setup import Setup
from latency_tables.tables.table import LatencyTable, table_files
from supernet.catalogue import find_family
from tracking.files.guard import Reads

TYPICAL = 0.05
"""A table holds if the sampled networks differ from it by at most this share in the median; without networks, the operators."""
_OPERATORS, _NETWORKS = 16, 8
"""Number of operators and of networks that are measured again, at most."""


def check_table(
    *,
    check: Annotated[Path, Reads(table_files)],
    python: str | None = None,
    binary: Annotated[Path | None, Reads()] = None,
    wait_minutes: float = 30.0,
    seed: int = 0,
) -> dict:
    """Measure a sample of a latency table's rows again, on the same device with the same settings, and say whether it still holds.

    A table holds if the sampled networks differ from it by at most 5 % in the median, in units of the reference model's time;
    a table without whole networks is judged by its operators.

    Args:
        check: Latency table to check, a .csv file.
        python: Python on the device that has the runtime installed; by default python3, and on this machine the one in use.
        binary: Benchmark program built for the device, for a runtime that is a benchmark program.
        wait_minutes: Minutes to wait for a device that was lost.
        seed: Fixes which rows are measured again.

    Returns:
        `holds`; `why`; `off` (median and largest relative difference, of networks and of operators); `bias` (median of the signed
        relative differences); `speed` (time of the reference model now, divided by that of the table: 1.2 is 20 % slower); `changed`
        (fields of the profile that differ now).

    Raises:
        ValueError: The file is no measured table, or has no rows of its family.
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
    """`count` random items in their order; all if there are no more."""
    return [items[i] for i in sorted(rng.choice(len(items), min(count, len(items)), replace=False))]


def _off(ratios: np.ndarray) -> dict[str, float | None]:
    """Median and largest relative difference, given the ratios new / old; None if there are none."""
    if not len(ratios):
        return {"median": None, "largest": None}
    differences = np.abs(ratios - 1)
    return {"median": float(np.median(differences)), "largest": float(differences.max())}
