"""Devices by name, and the places and runtimes that can be used here."""

from __future__ import annotations

from latency_tables.connection import open_agent
from latency_tables.programs import PROGRAMS
from latency_tables.runtime import Runtime
from latency_tables.runtimes import RUNTIMES
from latency_tables.transport import Transport
from latency_tables.transports import TRANSPORTS


def find_device(name: str) -> Transport:
    """The way to a device.

    Args:
        name: `local`, `ssh://user@host[:port]` or `adb://serial`.

    Raises:
        ValueError: It is none of these.
    """
    place, _, address = name.partition("://")
    if place not in TRANSPORTS:
        raise ValueError(f"device must be {' or '.join(t.usage for t in TRANSPORTS.values())}, got {name!r}")
    return TRANSPORTS[place](address)


def find_runtime(name: str) -> type[Runtime]:
    """What runs networks: a runtime with a Python package, or a benchmark program.

    Raises:
        ValueError: It is unknown.
    """
    known = {**RUNTIMES, **PROGRAMS}
    if name not in known:
        raise ValueError(f"unknown runtime {name!r}; known: {', '.join(sorted(known))}")
    return known[name]


def devices(*, device: str = "local", python: str | None = None) -> list[dict]:
    """List the places and runtimes that can be used, with versions, and how to install what is missing.

    Args:
        device: Whose runtimes to list: local, ssh://user@host[:port] or adb://serial.
        python: Python on that device; by default python3, and on this machine the one in use.

    Returns:
        One record for each runtime on the device: `device`, `chip`, `cores`, `runtime`, `version` (None where it is not
        installed), `precisions`, `usable`, and `install`, what to do about one that is missing. Benchmark programs come last; they
        need no installing on the device.

    Raises:
        ValueError: The device's name is not one.
        ConnectionError: It cannot be reached.
    """
    with open_agent(find_device(device), "simulated", python=python) as agent:
        info, found = agent.info(), agent.runtimes()
    programs = {name: {"version": None, "install": "build it for the device, give it with --binary"} for name in PROGRAMS}
    return [
        {
            "device": device,
            "chip": info["chip"],
            "cores": info["cores"],
            "runtime": name,
            "version": state["version"],
            "precisions": list(find_runtime(name).precisions),
            "usable": state["version"] is not None,
            "install": state["install"],
        }
        for name, state in (found | programs).items()
    ]
