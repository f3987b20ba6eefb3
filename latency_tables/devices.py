"""The verb `devices`: lists the runtimes and the ways to devices that can be used here."""

from __future__ import annotations

import shutil

from latency_tables.finding import find_device, find_runtime
from latency_tables.measuring.connection import open_agent
from latency_tables.measuring.session import no_start
from latency_tables.programs.programs import PROGRAMS
from latency_tables.transports import TRANSPORTS
from latency_tables.transports.transport import Transport


def devices(*, device: str = "local", python: str | None = None) -> list[dict]:
    """List the runtimes and the ways to devices that can be used, with versions, and how to install what is missing.

    Args:
        device: Device whose runtimes to list: local, ssh://[user@]host[:port] or adb://serial.
        python: Python on that device; by default python3, and on this machine the one in use.

    Returns:
        One record for each runtime: `device`, `chip`, `cores`, `runtime`, `version` (None if it is not installed on the device),
        `precisions`, `usable`, and `install` (how to install it if it is missing). The same for each benchmark program, which the
        user builds. If the device is `local`, one more record for each other way to a device, whose `runtime` is None.

    Raises:
        ValueError: The device's name has none of these forms.
        ConnectionError: The device cannot be reached, or its Python cannot run the agent.
    """
    try:
        with open_agent(find_device(device), "simulated", python=python) as agent:
            info, found = agent.info(), agent.runtimes()
    except ConnectionError as err:
        raise no_start(device, err) from err
    found |= {name: {"version": None, "install": "build it for the device, give it with --binary"} for name in PROGRAMS}
    here = {"device": device, "chip": info["chip"], "cores": info["cores"]}
    runtimes = [
        here | _record(name, state["version"], list(find_runtime(name).precisions), state["version"] is not None, state["install"])
        for name, state in found.items()
    ]
    return runtimes + ([_way(transport) for transport in TRANSPORTS.values() if transport.remote] if device == "local" else [])


def _way(transport: type[Transport]) -> dict:
    """The record of a way to other devices; it is usable if the program that it needs is installed on this machine."""
    usable = shutil.which(transport.program) is not None
    return {"device": transport.usage, "chip": None, "cores": None} | _record(None, None, [], usable, None if usable else transport.install)


def _record(runtime: str | None, version: str | None, precisions: list[str], usable: bool, install: str | None) -> dict:
    return {"runtime": runtime, "version": version, "precisions": precisions, "usable": usable, "install": install}
