"""Measuring a latency table: operators in chains and whole networks of a family, on one device with one runtime."""

from __future__ import annotations

import math
from pathlib import Path

from latency_tables.measuring.carry_out import carry_out, check_out
from latency_tables.measuring.networks import draw
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.setup import Setup
from latency_tables.tables.excluded import excluded
from supernet.catalogue import find_family

_MOST_NETWORKS = 1000


def measure(*, family: str, out: Path, setup: Setup = Setup(), networks: int = 30, seed: int = 0, resume: bool = False) -> dict:
    """Measure the latency of every operator of a family, inside chains, and of some whole networks.

    Single-thread times are ranked by the process's CPU clock, which other programs disturb least, relative to a reference model
    timed every few graphs. What was timed while the reference was unsteady is timed again; rows that stay so are flagged. A
    device that is unplugged is waited for; whatever else interrupts, the same command with --resume goes on.

    Args:
        family: Family of architectures, e.g. lighttrack or nano.
        out: The table, a .csv file; its manifest is written beside it as .json.
        setup: Where to measure and with what.
        networks: Random whole networks to measure as well; a predictor is fitted on them.
        seed: Fixes the random networks and the order of measuring.
        resume: Go on with an interrupted measurement of the same settings.

    Returns:
        `table` (its path), numbers of `operators` and `networks`, how many rows are `flagged`, what is `unsupported` and which
        choices that excludes, `reference_ms` and `profile`.

    Raises:
        ValueError: A name is unknown, a number is out of range, or `out` is in the way.
        ConnectionError: The device cannot be reached or is in use.
    """
    known = find_family(family)
    for name, value, most in (("networks", networks, _MOST_NETWORKS), ("seed", seed, math.inf)):
        if not 0 <= value <= most:
            raise ValueError(f"{name} must be from 0 to {most}, got {value}")
    setup.check()
    check_out(Path(out), resume)
    drawn = tuple(draw(known, networks, seed))
    table = carry_out(Plan(known, known.all_operators, drawn, setup, seed), out=out, resume=resume)
    return {
        "table": str(out),
        "operators": len(table.operators),
        "networks": len(drawn),
        "flagged": table.flagged,
        "unsupported": len(table.unsupported),
        **({"excludes": excluded(table)} if table.unsupported else {}),
        "reference_ms": table.reference_ms,
        "profile": table.profile.to_json(),
    }
