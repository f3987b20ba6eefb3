"""Places and runtimes that can be used here."""

from __future__ import annotations

import os

from latency_tables.agent import chip
from latency_tables.runtimes import RUNTIMES
from latency_tables.transports import TRANSPORTS


def devices() -> list[dict]:
    """List devices and runtimes, with versions, and how to install what is missing.

    Returns:
        One record for each pair: `device`, `chip`, `cores`, `runtime`, `version` (None where it is not installed), `precisions`,
        `usable`, and `install`, the command that installs what is missing.
    """
    records = []
    for device in TRANSPORTS:
        for name, runtime in RUNTIMES.items():
            try:
                version = runtime().version()
            except ImportError:
                version = None
            records.append(
                {
                    "device": device,
                    "chip": chip(),
                    "cores": os.cpu_count(),
                    "runtime": name,
                    "version": version,
                    "precisions": list(runtime.precisions),
                    "usable": version is not None,
                    "install": None if version else f"pip install {runtime.package}",
                }
            )
    return records
