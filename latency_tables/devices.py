"""The verb `devices`: ways to devices and runtimes that can be used here."""

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
        device: Device whose runtimes to list: local, ssh://user@host[:port] or adb://serial.
        python: Python on that device; by default python3, and on this machine the one in use.

    Returns:
        One record for each runtime on the device: `device`, `chip`, `cores`, `runtime`, `version` (None where it is not
        installed), `precisions`, `usable`, and `install`, what to do about one that is missing. Then the benchmark programs, which
        need no installing on the device, and the other ways to devices, without a runtime.

    Raises:
        ValueError: The device's name is not one.
        ConnectionError: It cannot be reached.
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
    """A way to other devices, which may lack its program."""
    usable = shutil.which(transport.program) is not None
    return {"device": transport.usage, "chip": None, "cores": None} | _record(None, None, [], usable, None if usable else transport.install)


def _record(runtime: str | None, version: str | None, precisions: list[str], usable: bool, install: str | None) -> dict:
    return {"runtime": runtime, "version": version, "precisions": precisions, "usable": usable, "install": install}
