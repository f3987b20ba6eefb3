"""A device without Python for the agent, e.g. a phone or a small board, which times models with a program that the user supplies.

The program is copied to the device unchanged. It may also be a script that starts a program on the device with further options:

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


_MOST_CHARACTERS = 200
"""Longest name of a chip or system that is kept."""


class Times(TypedDict):
    """Milliseconds of each run by the program's own clock; both lists are the same, since there is only this clock."""

    cpu_ms: list[float]
    wall_ms: list[float]
    detail: Literal["runs", "summary"]
    """`runs`: the program printed the time of each run. `summary`: it printed statistics only, and the lists are made from these as
    `Timing.spread` describes."""


class CommandDevice:
    """Times models on a device with one benchmark program, which every request starts anew; models are known by name.

    Every method raises `DeviceLost` if the device cannot be reached.
    """

    def __init__(self, transport: Transport, tool: Tool, binary: bytes, threads: int):
        """Put the program onto the device.

        Args:
            transport: The device.
            tool: Describes how the program is called and what it prints.
            binary: The program file, built for the device's processor and needing no other files; or a script.
            threads: Number of threads that the program may use.

        Raises:
            OSError: The device cannot hold the program.
        """
        self._transport = transport
        self._tool = tool
        self._threads = threads
        self._sum = hashlib.sha256(binary).hexdigest()[:16]
        self._binary = transport.push(binary, f"{tool.name}-{self._sum}")
        self._models: dict[str, tuple[str, tuple[tuple[int, ...], ...]]] = {}

    def info(self) -> dict[str, str | int]:
        """What the device and the program are.

        Returns:
            `version` (the program's name and checksum, because most programs print no version), `chip`, `os`, `governor` (frequency
            policy of the first core) and `cores` (number of cores).

        Raises:
            ConnectionError: The device says something else.
        """
        said = self._transport.run(["sh", "-c", _FACTS])
        facts = dict(re.findall(r"^(\w+)=(.*)$", said, re.MULTILINE))
        named = {name: facts[name].strip()[:_MOST_CHARACTERS] for name in ("chip", "os", "governor") if name in facts}
        if len(named) < 3 or not re.fullmatch(r"\d{1,5}", facts.get("cores", "").strip()):
            raise ConnectionError(
                f"a device must say its chip, os, governor and number of cores, it said {said.strip()!r:.120}; is its shell whole?"
            )
        return {"version": f"{self._tool.name} {self._sum}", **named, "cores": int(facts["cores"])}

    def load(self, name: str, prepared: bytes, shapes: Mapping[str, tuple[int, ...]]) -> float:
        """Put a model onto the device and run it once.

        Args:
            name: Name of the model in later requests.
            prepared: Content of the model file, in the program's format.
            shapes: Shape of every input, batch dimension of 1 included, by name and in the model's order.

        Returns:
            Milliseconds of that run.

        Raises:
            OSError: The device cannot hold the model.
            ChildProcessError: The program failed; the error holds the last lines that it printed.
            ValueError: The program printed no times, usually because it cannot run this model.
        """
        path = self._transport.push(prepared, f"{hashlib.sha256(prepared).hexdigest()[:16]}.{self._tool.format}")
        self._models[name] = (path, tuple(shapes.values()))
        return self._run(name, 1).spread(1)[0]

    def time(self, name: str, runs: int) -> Times:
        """Time a model that was put onto the device by `load`.

        Args:
            name: Name of the model.
            runs: Number of timed runs.

        Raises:
            ChildProcessError: The program failed; the error holds the last lines that it printed.
            ValueError: The program printed no times.
        """
        timing = self._run(name, runs)
        wall_ms = timing.spread(runs)
        return {"cpu_ms": wall_ms, "wall_ms": wall_ms, "detail": timing.detail}

    def _run(self, name: str, runs: int) -> Timing:
        path, shapes = self._models[name]
        return self._tool.parse(self._transport.run(self._tool.command(Call(self._binary, path, shapes, runs, self._threads))))
