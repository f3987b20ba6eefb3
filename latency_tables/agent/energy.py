"""Energy of one run, measured over repeated runs, if the device has a meter that can be read. Runs there with the standard library only.

A counter of energy (RAPL, in processors of Intel and AMD) is read before and after the runs. A sensor of power (INA3221 and its like
on boards, the battery of a phone or laptop) is sampled during the runs. The figure includes whatever else the device does meanwhile.

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
"""Seconds for which runs are repeated at least, since some sensors have a new figure only every few hundred milliseconds."""
_LEAST_RUNS = 3
_EVERY_S = 0.01
"""Seconds between two samples of a sensor."""
_OTHERS = ("amdgpu", "radeon", "nouveau", "i915", "xe", "nvme", "ucsi", "BAT")
"""Beginnings of the names of sensors that measure a graphics card, a disk or a charger rather than the board."""

Term = tuple[float, tuple[Path, ...]]
"""A factor, and the files whose numbers times the factor give watts.

Example: a current of 1200 mA and a voltage of 5000 mV with the factor 1e-6 give 6 W."""


@dataclass(frozen=True)
class Counter:
    """Counters of microjoules, one for each zone of the processor, each of which starts again at zero after its largest value."""

    name: str
    zones: tuple[Path, ...]
    """Folders of the zones, whose energies are added."""

    def energy_mj(self, work: Callable[[], object]) -> float | None:
        """Millijoules that a piece of work takes; None if the counters stand still or cannot be read.

        A counter may start again once; the work must take less energy than the full range of a counter.
        """
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
    """A sensor of power, whose watts are the sum of its terms, e.g. one for each supply rail of a board."""

    name: str
    terms: tuple[Term, ...]

    def watts(self) -> float | None:
        """The power that is drawn now; None if some term cannot be read."""
        total = 0.0
        for watts, paths in self.terms:
            for path in paths:
                value = number(path)
                if value is None:
                    return None
                watts *= abs(value)  # some batteries give the current that they deliver as a negative number
            total += watts
        return total

    def energy_mj(self, work: Callable[[], object]) -> float | None:
        """Millijoules that a piece of work takes: mean power during the work times its duration; None if nothing could be read."""
        done = threading.Event()
        found: list[float | None] = []

        def watch() -> None:
            """Samples the power until the work is done."""
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
    """The best meter that can be read now: RAPL if it is enough, else sensors of the board, else a discharging battery.

    Args:
        processor: Whether a meter of the processor alone is enough; false for work on a GPU or an NPU.
        root: Folder of the system's device classes; by default /sys/class.

    Returns:
        The meter; None if there is none.
    """
    root = root or _CLASS
    meters = [*([_rapl(root)] if processor else []), _hwmon(root), _battery(root)]
    return next((meter for meter in meters if meter is not None), None)


def per_run_mj(meter: Counter | Sensor, run: Callable[[], object]) -> float | None:
    """Millijoules of one run, as the mean over at least 3 runs and about 1 second; None if the meter could not be read.

    Args:
        meter: The meter.
        run: Does one run.
    """
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
    """The energy counters of the processor's packages; None if some cannot be read, e.g. because only root may."""
    # zones within a package, and the platform around it, would count the same joules again
    zones = [zone for zone in sorted(root.glob("powercap/intel-rapl:*")) if _word(zone / "name").startswith("package")]
    readable = zones and all(number(zone / "energy_uj") is not None for zone in zones)
    return Counter("rapl " + " ".join(_word(zone / "name") for zone in zones), tuple(zones)) if readable else None


def _hwmon(root: Path) -> Sensor | None:
    """The power sensors of the board, or current times voltage where a chip has no sensor of power."""
    rails: list[tuple[str, Term]] = []
    for folder in sorted(root.glob("hwmon/hwmon*")):
        if _word(folder / "name").startswith(_OTHERS):
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
    """Label of a sensor's input file, or the file's name without `_input`."""
    return _word(path.with_name(path.name.replace("_input", "_label"))) or path.name.removesuffix("_input")


def _battery(root: Path) -> Sensor | None:
    """The batteries that are being discharged."""
    cells: list[tuple[str, Term]] = []
    for folder in sorted(root.glob("power_supply/*")):
        # a battery that is charged or kept full does not show how much power the device draws
        if _word(folder / "type") == "Battery" and _word(folder / "status") == "Discharging":
            current, voltage = folder / "current_now", folder / "voltage_now"
            cells.append((folder.name, (1e-12, (current, voltage)) if current.exists() else (1e-6, (folder / "power_now",))))
    return _sensor("battery", cells)


def _sensor(kind: str, named: Sequence[tuple[str, Term]]) -> Sensor | None:
    """A sensor of these named terms; None if it cannot be read or shows no power."""
    sensor = Sensor(" ".join([kind, *(name for name, _ in named)]), tuple(term for _, term in named))
    return sensor if sensor.watts() else None


def _word(path: Path) -> str:
    """The word in a file of the system, without blanks around it; empty if the file cannot be read."""
    return text(path).strip("\0\n ")
