"""What a device says of itself: chip, frequency policy, clock, temperature, memory. Runs on the device, standard library only."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_CPU = Path("/sys/devices/system/cpu")
_THERMAL = Path("/sys/class/thermal")
_MOST_CORES = 4096


def chip() -> str:
    """The processor's name, as the system tells it."""
    names = [text(Path("/proc/device-tree/model")).strip("\0")]
    fields = [line.partition(":") for line in text(Path("/proc/cpuinfo")).splitlines()]
    names += [value for name, _, value in fields if name.strip().lower() in ("model name", "hardware", "cpu model")]
    return next((name.strip() for name in names if name.strip()), platform.processor() or platform.machine())


def system() -> str:
    """Operating system and its version."""
    return platform.platform(terse=True)


def governor() -> str:
    """Frequency policy of the first core, or `unknown`."""
    return text(_CPU / "cpu0/cpufreq/scaling_governor").strip() or "unknown"


def readings() -> dict[str, float | None]:
    """Clock of the fastest core in MHz and temperature of the hottest zone in degrees Celsius; None where the system tells neither."""
    clocks = [number(path) for path in _CPU.glob("cpu[0-9]*/cpufreq/scaling_cur_freq")]
    zones = [number(path) for path in _THERMAL.glob("thermal_zone*/temp")]
    known = [[value / 1000 for value in values if value is not None] for values in (clocks, zones)]
    mhz, celsius = (max(values, default=None) for values in known)
    return {"mhz": mhz, "celsius": celsius}


def available_memory() -> float:
    """Share of the memory that new work can have; 1 where the system does not tell."""
    fields = dict(line.split(":", 1) for line in text(Path("/proc/meminfo")).splitlines() if ":" in line)
    try:
        available, total = (int(fields[name].split()[0]) for name in ("MemAvailable", "MemTotal"))
    except (KeyError, ValueError):
        return 1.0
    return available / total


def pin(cores: str) -> None:
    """Keep this process on some cores.

    Args:
        cores: Such as `4-7` or `0,2`; empty for any.

    Raises:
        ValueError: Some of them are not there.
    """
    if not cores:
        return
    wanted = parse_cores(cores)
    try:
        os.sched_setaffinity(0, wanted)  # of several cores, those that are not there are left out in silence
        kept = os.sched_getaffinity(0)
    except (OSError, AttributeError):  # no core of these, or a system that knows no affinity
        kept = set()
    if kept != wanted:
        raise ValueError(f"cores must be some that a process can be kept on, {cores} are not")


def parse_cores(cores: str) -> set[int]:
    """Numbers of cores.

    Raises:
        ValueError: The text is not such a list.
    """
    try:
        ends = [[int(end) for end in part.split("-")] for part in cores.split(",")]
        if max(map(max, ends)) > _MOST_CORES:
            raise ValueError
        found = {core for part in ends for core in range(part[0], part[-1] + 1)}
        if not found or any(len(part) > 2 for part in ends) or min(found) < 0:
            raise ValueError
    except ValueError:
        raise ValueError(f"cores must be numbers and ranges such as 4-7 or 0,2, got {cores!r}") from None
    return found


def text(path: Path) -> str:
    """What a file of the system says; empty where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def number(path: Path) -> float | None:
    """The number in a file of the system; None where there is none."""
    try:
        return float(text(path))
    except ValueError:
        return None
