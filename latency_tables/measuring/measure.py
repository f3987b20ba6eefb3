"""The verb `measure`: measures the latency table of a family on one device with one runtime."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

from latency_tables.measuring.carry_out import carry_out, check_out, measurement_files
from latency_tables.measuring.networks import draw
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.setup import Setup
from latency_tables.tables.excluded import excluded
from supernet.catalogue import find_family
from tracking.files.guard import Writes, guarded

_MOST_NETWORKS = 1000


@guarded
def measure(
    *,
    family: str,
    out: Annotated[Path, Writes(measurement_files)],
    setup: Setup = Setup(),
    networks: int = 30,
    seed: int = 0,
    resume: bool = False,
) -> dict:
    """Measure the latency of every operator of a family, inside chains, and of some whole networks.

    A chain is several operators timed as one graph, so that each is timed among neighbours as in a network. Every time is
    compared with that of a reference model, which is timed every few graphs, because the speed of a device drifts. With one thread
    on a processor, CPU times of the process are compared, since other programs disturb them least, else wall-clock times. What
    was timed while the reference model was unsteady is timed again; rows that stay unsteady are flagged.

    If the device is unplugged, the measurement waits for it. After any other interruption, the same command with --resume goes on.

    Args:
        family: Family of architectures, e.g. lighttrack or nano.
        out: Latency table to write, a .csv file; its manifest is written beside it as .json.
        setup: Where to measure and with what.
        networks: Number of random whole networks to measure as well, 0 to 1000; a predictor is fitted on them.
        seed: Fixes the random networks and the order of measuring.
        resume: Go on with an interrupted measurement of the same settings.

    Returns:
        `table` (its path), `operators` and `networks` (numbers of them), `flagged` (number of rows with a flag), `unsupported`
        (number of rows for what the runtime cannot run), if there are any `excludes` (the architectures that need one of these),
        `reference_ms` (median time of the reference model) and `profile`.

    Raises:
        ValueError: A name is unknown, a number is out of range, or `out` holds another measurement.
        ConnectionError: The device cannot be reached or is in use.
    """
    known = find_family(family)
    for name, value, most in (("networks", networks, _MOST_NETWORKS), ("seed", seed, math.inf)):
        if not 0 <= value <= most:
            raise ValueError(f"{name} must be from 0 to {most}, got {value}; leave --{name} out for the usual value")
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
