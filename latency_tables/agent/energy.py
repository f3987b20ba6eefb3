"""Energy of repeated runs, where the device has a meter that may be read. Runs on the device, standard library only.

A counter of energy (RAPL, in processors of Intel and AMD) is read before and after; sensors of power (INA3221 and its like on
boards, the battery of a phone or laptop) are sampled meanwhile. What else the device does in that time is in the figure.

Source: the Linux kernel's documentation of powercap, hwmon's sysfs interface and the power_supply class.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from latency_tables.agent.device_info import number, text

_CLASS = Path("/sys/class")
_LEAST_S = 1.0
"""How long runs are repeated: some sensors have a new figure only every few hundred milliseconds."""
_LEAST_RUNS = 3
_EVERY_S = 0.01
_OTHERS = ("amdgpu", "radeon", "nouveau", "i915", "xe", "nvme", "ucsi", "BAT")
"""Beginnings of the names of sensors that see a graphics card, a disk or a charger, and not the board."""

Term = tuple[float, tuple[Path, ...]]
"""A factor and the files whose numbers, multiplied with it, are watts."""


@dataclass(frozen=True)
class Counter:
    """Microjoules that only grow, and begin anew beyond a most."""

    name: str
    zones: tuple[Path, ...]

    def energy_mj(self, work: Callable[[], object]) -> float | None:
        """Millijoules of a piece of work that is shorter than a turn of the counter; None where it stands still or cannot be read."""
        before = [number(zone / "energy_uj") for zone in self.zones]
        work()
        total = 0.0
        for zone, start in zip(self.zones, before, strict=True):
            end, most = number(zone / "energy_uj"), number(zone / "max_energy_range_uj")
            if start is None or end is None or (end < start and most is None):
                return None
            total += end - start + (most or 0.0) * (end < start)
        return total / 1000 if total > 0 else None


@dataclass(frozen=True)
class Sensor:
    """Watts at a moment: a sum of products."""

    name: str
    terms: tuple[Term, ...]

    def watts(self) -> float | None:
        """What is drawn now; None where some of it cannot be read."""
        total = 0.0
        for watts, paths in self.terms:
            for path in paths:
                value = number(path)
                if value is None:
                    return None
                watts *= abs(value)  # some batteries count what they give as negative
            total += watts
        return total

    def energy_mj(self, work: Callable[[], object]) -> float | None:
        """Millijoules of a piece of work, by the mean of what is drawn meanwhile; None where nothing could be read."""
        done = threading.Event()
        found: list[float | None] = []

        def watch() -> None:
            found.append(self.watts())
            while not done.wait(_EVERY_S):
                found.append(self.watts())

        watcher = threading.Thread(target=watch)
        start = time.perf_counter()
        watcher.start()
        try:
            work()
        finally:
            done.set()
            seconds = time.perf_counter() - start
            watcher.join()
        known = [watts for watts in found if watts is not None]
        mean = sum(known) / len(known) if known else 0.0
        return 1000 * mean * seconds if mean > 0 else None


def find_meter(processor: bool, root: Path | None = None) -> Counter | Sensor | None:
    """The best meter that can be read now; None where there is none.

    Args:
        processor: Whether it is enough to see the processor; the whole board otherwise, for a GPU or an NPU.
        root: The folder of the system's device classes.
    """
    root = root or _CLASS
    meters = [*([_rapl(root)] if processor else []), _hwmon(root), _battery(root)]
    return next((meter for meter in meters if meter is not None), None)


def per_run_mj(meter: Counter | Sensor, run: Callable[[], object]) -> float | None:
    """Millijoules of one of many runs; None where the meter told nothing."""
    runs = 0

    def repeat() -> None:
        nonlocal runs
        end = time.perf_counter() + _LEAST_S
        while runs < _LEAST_RUNS or time.perf_counter() < end:
            run()
            runs += 1

    total = meter.energy_mj(repeat)
    return None if total is None else total / runs


def _rapl(root: Path) -> Counter | None:
    # zones within a package, and the platform around it, would count the same joules again
    zones = [zone for zone in sorted(root.glob("powercap/intel-rapl:*")) if _said(zone / "name").startswith("package")]
    readable = zones and all(number(zone / "energy_uj") is not None for zone in zones)
    return Counter("rapl " + " ".join(_said(zone / "name") for zone in zones), tuple(zones)) if readable else None


def _hwmon(root: Path) -> Sensor | None:
    rails: list[tuple[str, Term]] = []
    for folder in sorted(root.glob("hwmon/hwmon*")):
        if _said(folder / "name").startswith(_OTHERS):
            continue
        powers, currents = (sorted(folder.glob(f"{kind}[0-9]*_input")) for kind in ("power", "curr"))
        for power in powers:
            rails.append((_label(power), (1e-6, (power,))))
        for current in [] if powers else currents:
            voltage = current.with_name(current.name.replace("curr", "in"))
            if voltage.exists():
                rails.append((_label(voltage), (1e-6, (current, voltage))))
    # the rail that feeds the board contains the others
    return _sensor("hwmon", [rail for rail in rails if rail[0].endswith("_IN")] or rails)


def _label(path: Path) -> str:
    return _said(path.with_name(path.name.replace("_input", "_label"))) or path.name.removesuffix("_input")


def _battery(root: Path) -> Sensor | None:
    cells: list[tuple[str, Term]] = []
    for folder in sorted(root.glob("power_supply/*")):
        # a battery that is charged or kept full says nothing of what the device draws
        if _said(folder / "type") == "Battery" and _said(folder / "status") == "Discharging":
            current, voltage = folder / "current_now", folder / "voltage_now"
            cells.append((folder.name, (1e-12, (current, voltage)) if current.exists() else (1e-6, (folder / "power_now",))))
    return _sensor("battery", cells)


def _sensor(kind: str, named: Sequence[tuple[str, Term]]) -> Sensor | None:
    sensor = Sensor(" ".join([kind, *(name for name, _ in named)]), tuple(term for _, term in named))
    return sensor if sensor.watts() else None


def _said(path: Path) -> str:
    return text(path).strip("\0\n ")
