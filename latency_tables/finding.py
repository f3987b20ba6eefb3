"""Finds devices and runtimes by the names that users type."""

from __future__ import annotations

from latency_tables.programs.programs import PROGRAMS
from latency_tables.transports import TRANSPORTS
from latency_tables.transports.transport import Transport
from supernet.runtimes import RUNTIMES
from supernet.runtimes.runtime import Runtime


def find_device(name: str) -> Transport:
    """The transport to a device.

    Args:
        name: `local`, `ssh://[user@]host[:port]` or `adb://serial`.

    Raises:
        ValueError: The name has none of these forms.
        FileNotFoundError: The program that reaches the device (ssh or adb) is not installed.
    """
    kind, _, address = name.partition("://")
    if kind not in TRANSPORTS:
        raise ValueError(
            f"device must be {' or '.join(t.usage for t in TRANSPORTS.values())}, got {name!r:.80}; `chiptrack devices` lists what is here"
        )
    return TRANSPORTS[kind](address)


def find_runtime(name: str) -> type[Runtime]:
    """The class of a runtime with a Python package, or of a benchmark program, by name.

    Raises:
        ValueError: No runtime has this name.
    """
    known = {**RUNTIMES, **PROGRAMS}
    if name not in known:
        raise ValueError(
            f"a runtime must be one of {', '.join(sorted(known))}, got {name!r:.80}; `chiptrack devices` says which are installed"
        )
    return known[name]
