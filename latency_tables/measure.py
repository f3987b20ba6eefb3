"""Measuring a latency table: operators in chains and whole networks of a family, on one device with one runtime."""

from __future__ import annotations

import math
from pathlib import Path

from latency_tables.carry_out import carry_out, check_out
from latency_tables.chains import all_operators
from latency_tables.check import check_table
from latency_tables.excluded import excluded
from latency_tables.networks import draw
from latency_tables.plan import Place, Plan
from supernet.families import FAMILIES

_MOST_NETWORKS = 1000


def measure(
    *,
    family: str | None = None,
    out: Path | None = None,
    device: str = "local",
    runtime: str = "onnxruntime",
    threads: int = 1,
    precision: str = "fp32",
    networks: int = 30,
    cores: str = "",
    python: str | None = None,
    binary: Path | None = None,
    wait_minutes: float = 30.0,
    check: Path | None = None,
    seed: int = 0,
    resume: bool = False,
) -> dict:
    """Measure the latency of every operator of a family, inside chains, and of some whole networks.

    Single-thread times are ranked by the process's CPU clock, which other programs disturb least, relative to a reference model
    timed every few graphs. What was timed while the reference was unsteady is timed again; rows that stay so are flagged. A
    device that is unplugged is waited for; whatever else interrupts, the same command with --resume goes on.

    Args:
        family: Family of architectures, e.g. lighttrack or nano.
        out: The table, a .csv file; its manifest is written beside it as .json.
        device: Where to measure: local, ssh://user@host[:port] or adb://serial.
        runtime: What runs the networks; listed by the devices command.
        threads: Threads that the runtime may use.
        precision: Number format, fp32 or another that the runtime has.
        networks: Random whole networks to measure as well; a predictor is fitted on them.
        cores: Cores of the device to stay on, such as 4-7; by default any.
        python: Python on the device that has the runtime installed; by default python3, and on this machine the one in use.
        binary: For runtimes that are benchmark programs: the program, built for the device.
        wait_minutes: How long to wait for a device that was lost.
        check: Measure a sample of this table again, where and as it was measured, and say whether it still holds.
        seed: Fixes the random networks and the order of measuring.
        resume: Go on with an interrupted measurement of the same settings.

    Returns:
        `table` (its path), numbers of `operators` and `networks`, how many rows are `flagged`, what is `unsupported` and which
        choices that excludes, `reference_ms` and `profile`; with `check`: whether the table `holds`, and how far it is off.

    Raises:
        ValueError: A name is unknown, a number is out of range, or `out` is in the way.
        ConnectionError: The device cannot be reached or is in use.
    """
    if check is not None:
        if family or out or resume or Place(device, runtime, threads, precision, cores) != Place():
            raise ValueError("--check takes family and place from its table; leave out --family, --out, --resume and what tells the place")
        return check_table(check, python=python, binary=binary, wait_s=60 * wait_minutes, seed=seed)
    if family is None or out is None:
        raise ValueError("measure needs --family and --out, or --check TABLE; see `chiptrack measure --help`")
    if family not in FAMILIES:
        raise ValueError(f"unknown family {family!r}; known: {', '.join(sorted(FAMILIES))}")
    for name, value, most in (("networks", networks, _MOST_NETWORKS), ("seed", seed, math.inf), ("wait_minutes", wait_minutes, math.inf)):
        if not 0 <= value <= most:
            raise ValueError(f"{name} must be from 0 to {most}, got {value}")
    place = Place(device, runtime, threads, precision, cores, python, binary, 60 * wait_minutes)
    place.check()
    check_out(Path(out), resume)
    known = FAMILIES[family]
    plan = Plan(known, all_operators(known), tuple(draw(known, networks, seed)), place, seed)
    table = carry_out(plan, out=out, resume=resume)
    return {
        "table": str(out),
        "operators": len(table.operators),
        "networks": networks,
        "flagged": table.flagged,
        "unsupported": len(table.unsupported),
        **({"excludes": excluded(table)} if table.unsupported else {}),
        "reference_ms": table.reference_ms,
        "profile": table.profile.to_json(),
    }
