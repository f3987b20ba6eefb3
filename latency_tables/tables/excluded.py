"""Which architectures a table has no latency for, because the runtime cannot run some of their operators."""

from __future__ import annotations

import numpy as np

from latency_tables.tables.table import LatencyTable
from supernet.catalogue import find_family

_SAMPLES = 1000
"""Number of random architectures that the shares are counted on."""


def excluded(table: LatencyTable) -> dict:
    """Estimate, from 1000 random architectures, what the unsupported operators of a table exclude.

    Returns:
        `operators`: the reason why the runtime cannot run an unsupported operator, by its key. `share`: share of the random
        architectures that need at least one of these operators. `choices`: chosen values (`label=value`) that only such
        architectures had; `["every one"]` if all of them need one.
    """
    family, missing = find_family(table.profile.family), table.unsupported_operators
    rng = np.random.default_rng(0)
    architectures = [family.space.sample(rng) for _ in range(_SAMPLES)]
    able = [not any(op.key in missing for op in family.operators(architecture)) for architecture in architectures]
    seen = {(label, value) for architecture in architectures for label, value in architecture.choices}
    fine = {(label, value) for architecture, ok in zip(architectures, able, strict=True) if ok for label, value in architecture.choices}
    choices = sorted(f"{label}={value}" for label, value in seen - fine)
    return {"operators": missing, "share": 1 - sum(able) / len(able), "choices": choices if any(able) else ["every one"]}
