"""What a device says of itself: chip, frequency policy, clock, temperature, memory. Runs on the device with the standard library only."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_CPU = Path("/sys/devices/system/cpu")
_THERMAL = Path("/sys/class/thermal")
_MOST_CORES = 4096


def chip() -> str:
    """Name of the board or the processor, as the system gives it."""
    names = [text(Path("/proc/device-tree/model")).strip("\0")]
    fields = [line.partition(":") for line in text(Path("/proc/cpuinfo")).splitlines()]
    names += [value for name, _, value in fields if name.strip().lower() in ("model name", "hardware", "cpu model")]
    return next((name.strip() for name in names if name.strip()), platform.processor() or platform.machine())


def system() -> str:
    """Name and version of the operating system."""
    return platform.platform(terse=True)


def governor() -> str:
    """Frequency policy (governor) of the first core, or `unknown`."""
    return text(_CPU / "cpu0/cpufreq/scaling_governor").strip() or "unknown"


def readings() -> dict[str, float | None]:
    """Speed and heat of the device now, to see whether it throttles.

    Returns:
        `mhz`, the clock of the fastest core in MHz, and `celsius`, the temperature of the hottest zone in degrees Celsius; None for one
        that the system does not tell.
    """
    clocks = [number(path) for path in _CPU.glob("cpu[0-9]*/cpufreq/scaling_cur_freq")]
    zones = [number(path) for path in _THERMAL.glob("thermal_zone*/temp")]
    known = [[value / 1000 for value in values if value is not None] for values in (clocks, zones)]
    mhz, celsius = (max(values, default=None) for values in known)
    return {"mhz": mhz, "celsius": celsius}


def available_memory() -> float:
    """Share of the device's memory that is available to new work, 0 to 1; 1 if the system does not tell."""
    fields = dict(line.split(":", 1) for line in text(Path("/proc/meminfo")).splitlines() if ":" in line)
    try:
        available, total = (int(fields[name].split()[0]) for name in ("MemAvailable", "MemTotal"))
    except (KeyError, ValueError):
        return 1.0
    return available / total


def pin(cores: str) -> None:
    """Keep this process on some cores.

    Args:
        cores: Numbers of the cores, such as `4-7` or `0,2`; empty for any.

    Raises:
        ValueError: The text is no such list, the device lacks some of the cores, or its system cannot keep a process on cores.
    """
    if not cores:
        return
    wanted = parse_cores(cores)
    try:
        os.sched_setaffinity(0, wanted)  # silently leaves out cores that do not exist, unless none does
        kept = os.sched_getaffinity(0)
    except (OSError, AttributeError):  # none of the cores exists, or the system has no core affinity
        kept = set()
    if kept != wanted:
        raise ValueError(f"cores must be some that a process can be kept on, {cores} are not")


def parse_cores(cores: str) -> set[int]:
    """Numbers of the cores in a list such as `4-7` or `0,2`.

    Raises:
        ValueError: The text is not such a list.

    >>> sorted(parse_cores("0,4-6"))
    [0, 4, 5, 6]
    """
    try:
        ends = [[int(end) for end in part.split("-")] for part in cores.split(",")]
        if max(map(max, ends)) > _MOST_CORES:
            raise ValueError
        found = {core for part in ends for core in range(part[0], part[-1] + 1)}
        if any(len(part) > 2 or part[0] > part[-1] for part in ends) or min(found) < 0:
            raise ValueError
    except ValueError:
        raise ValueError(f"cores must be numbers and ranges such as 4-7 or 0,2, got {cores!r}") from None
    return found


def text(path: Path) -> str:
    """The content of a file of the system; empty if it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def number(path: Path) -> float | None:
    """The number in a file of the system; None if there is none or the file cannot be read."""
    try:
        return float(text(path))
    except ValueError:
        return None
