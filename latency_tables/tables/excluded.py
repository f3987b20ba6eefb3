"""Which architectures a table cannot speak about, because the runtime lacks some of their operators."""

from __future__ import annotations

import numpy as np

from latency_tables.tables.table import LatencyTable
from supernet.catalogue import find_family

_SAMPLES = 1000


def excluded(table: LatencyTable) -> dict:
    """Tell what the unsupported operators of a table exclude.

    Returns:
        `operators` (key to reason), `share` of random architectures that need one of them, `choices` (`label=value`) that never
        come without one.
    """
    family, missing = find_family(table.profile.family), table.unsupported_operators
    rng = np.random.default_rng(0)
    architectures = [family.space.sample(rng) for _ in range(_SAMPLES)]
    able = [not any(op.key in missing for op in family.operators(architecture)) for architecture in architectures]
    seen = {(label, value) for architecture in architectures for label, value in architecture.choices}
    fine = {(label, value) for architecture, ok in zip(architectures, able, strict=True) if ok for label, value in architecture.choices}
    choices = sorted(f"{label}={value}" for label, value in seen - fine)
    return {"operators": missing, "share": 1 - sum(able) / len(able), "choices": choices if any(able) else ["every one"]}
