"""Devices by name, and the places and runtimes that can be used here."""

from __future__ import annotations

import os

from latency_tables.board import chip
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


def devices() -> list[dict]:
    """List devices and runtimes, with versions, and how to install what is missing.

    Returns:
        One record for each pair: `device`, `chip`, `cores`, `runtime`, `version` (None where it is not installed), `precisions`,
        `usable`, and `install`, the command that installs what is missing.
    """
    records = []
    for name, runtime in RUNTIMES.items():
        try:
            version, install = runtime(runtime.precisions[0]).version(), None
        except ImportError as err:
            version, install = None, str(err)
        records.append(
            {
                "device": "local",
                "chip": chip(),
                "cores": os.cpu_count(),
                "runtime": name,
                "version": version,
                "precisions": list(runtime.precisions),
                "usable": version is not None,
                "install": install,
            }
        )
    return records
