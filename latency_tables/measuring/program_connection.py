"""A benchmark program that answers as an agent does, so that measuring does not know the difference."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from latency_tables.agent.serving import Refusal, take_device
from latency_tables.measuring.connection import AgentError
from latency_tables.programs.command import CommandDevice
from latency_tables.programs.tools import TOOLS
from latency_tables.transports.transport import Transport


class ProgramConnection:
    """A benchmark program that answers as an agent does; see `connection.Connection`."""

    def __init__(self, transport: Transport, name: str, binary: Path, threads: int, folder: Path, run: str):
        """Put the program onto the device.

        Args:
            transport: The device.
            name: One of `TOOLS`.
            binary: The program.
            threads: Threads that it may use.
            folder: Where this machine keeps track of who measures on the device.
            run: Names the measurement.
        """
        try:
            self._lock = take_device(folder, run)
        except Refusal as refusal:
            raise AgentError("begin", str(refusal), refusal.kind) from refusal
        try:
            self._device = CommandDevice(transport, TOOLS[name], binary.read_bytes(), threads)
        except BaseException:
            self.close()
            raise
        self._shapes: dict[str, Mapping[str, tuple[int, ...]]] = {}
        """Of the models on the device, by name."""
        self._awaited: tuple[str, Mapping[str, tuple[int, ...]]] = ("", {})

    def close(self) -> None:
        self._lock.close()

    def info(self) -> dict[str, str | int]:
        return self._device.info()

    def readings(self) -> dict[str, float | None]:
        return {}

    def introduce(self, name: str, sha256: str, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        self._awaited = (name, shapes)
        return name in self._shapes

    def store(self, prepared: bytes) -> None:
        name, shapes = self._awaited
        try:
            self._device.load(name, prepared, shapes)
        except (ChildProcessError, ValueError) as err:
            raise AgentError("load", str(err), "runtime") from err
        self._shapes[name] = shapes

    def memory_mb(self, name: str) -> float:
        raise AgentError("memory", "a benchmark program does not tell", "uncomparable")

    def energy(self, name: str) -> None:
        """A benchmark program does not tell."""

    def load(self, name: str) -> float:
        return min(self.time(name, 3)["wall_ms"])

    def unload(self, name: str) -> None:
        """Every run loads its model anew."""

    def outputs(self, name: str) -> list:
        raise AgentError("outputs", "a benchmark program shows none", "uncomparable")

    def time(self, name: str, runs: int) -> dict[str, list[float]]:
        try:
            times = self._device.time(name, runs)
        except (ChildProcessError, ValueError) as err:
            raise AgentError("time", str(err), "runtime") from err
        return {"cpu_ms": times["cpu_ms"], "wall_ms": times["wall_ms"]}

    def clear(self) -> None:
        """Models stay on the device until somebody removes chiptrack's folder there."""
