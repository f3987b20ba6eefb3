"""A device that times models with a program the user supplies, where there is no Python for an agent: a phone, a small board.

The program is pushed as it is. It may as well be a script that calls what is on the device with options of its own:

    #!/system/bin/sh
    LD_LIBRARY_PATH=/data/local/tmp exec taskset f0 /data/local/tmp/onnxruntime_perf_test "$@"
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Literal, TypedDict

from latency_tables.programs.tools import Call, Timing, Tool
from latency_tables.transports.transport import Transport

_FACTS = """
if command -v getprop > /dev/null; then chip="$(getprop ro.soc.model) in $(getprop ro.product.model)"
elif [ -r /proc/device-tree/model ]; then chip=$(tr -d '\\0' < /proc/device-tree/model)
else chip=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1); fi
echo "chip=$chip"
echo "os=$(uname -sr)"
echo "governor=$(cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2> /dev/null || echo unknown)"
echo "cores=$(grep -c ^processor /proc/cpuinfo)"
"""


class Times(TypedDict):
    """Milliseconds of each run by the program's own clock, which stands in both lists as with a runtime that has its own."""

    cpu_ms: list[float]
    wall_ms: list[float]
    detail: Literal["runs", "summary"]
    """`summary`: the program printed no single runs; the lists hold the figures that it printed, see `Timing.spread`."""


class CommandDevice:
    """Models by name, timed by one program; every request starts it anew.

    Every request raises `DeviceLost` where the device is gone.
    """

    def __init__(self, transport: Transport, tool: Tool, binary: bytes, threads: int):
        """Put the program onto the device.

        Args:
            transport: The device.
            tool: Which program it is.
            binary: The program, for the device's processor and with all that it needs; or a script.
            threads: Threads that it may use.
        """
        self._transport = transport
        self._tool = tool
        self._threads = threads
        self._sum = hashlib.sha256(binary).hexdigest()[:16]
        self._binary = transport.push(binary, f"{tool.name}-{self._sum}")
        self._models: dict[str, tuple[str, tuple[tuple[int, ...], ...]]] = {}

    def info(self) -> dict[str, str | int]:
        """Version of the program, by its checksum because most print none; chip, operating system, frequency policy, cores."""
        facts = dict(re.findall(r"^(\w+)=(.*)$", self._transport.run(["sh", "-c", _FACTS]), re.MULTILINE))
        named = {name: facts[name].strip() for name in ("chip", "os", "governor")}
        return {"version": f"{self._tool.name} {self._sum}", **named, "cores": int(facts["cores"])}

    def load(self, name: str, prepared: bytes, shapes: Mapping[str, tuple[int, ...]]) -> float:
        """Put a model onto the device and run it once.

        Args:
            name: What to call it from now on.
            prepared: The model's file, in the program's format.
            shapes: Of every input, by name, in order, the batch of one included.

        Returns:
            Milliseconds of that run.

        Raises:
            ChildProcessError: The program failed; the error carries its last lines.
            ValueError: It printed something else than times, mostly why it cannot run this model.
        """
        path = self._transport.push(prepared, f"{hashlib.sha256(prepared).hexdigest()[:16]}.{self._tool.format}")
        self._models[name] = (path, tuple(shapes.values()))
        return self._run(name, 1).spread(1)[0]

    def time(self, name: str, runs: int) -> Times:
        """Run a model that is loaded.

        Raises:
            ChildProcessError: The program failed; the error carries its last lines.
            ValueError: It printed something else than times.
        """
        timing = self._run(name, runs)
        wall_ms = timing.spread(runs)
        return {"cpu_ms": wall_ms, "wall_ms": wall_ms, "detail": timing.detail}

    def _run(self, name: str, runs: int) -> Timing:
        path, shapes = self._models[name]
        return self._tool.parse(self._transport.run(self._tool.command(Call(self._binary, path, shapes, runs, self._threads))))
