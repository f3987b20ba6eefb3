"""A benchmark program behind the methods of a connection to an agent, so that measuring needs no case for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from latency_tables.agent.claim import Refusal, take_device
from latency_tables.measuring.connection import AgentError
from latency_tables.programs.command import CommandDevice
from latency_tables.programs.tools import TOOLS
from latency_tables.transports.transport import Transport


class ProgramConnection:
    """A benchmark program that answers like an agent; the methods are those of `connection.Connection`.

    Requests raise `AgentError` if the program fails, and `DeviceLost` if the device cannot be reached.
    """

    def __init__(self, transport: Transport, name: str, binary: Path, threads: int, folder: Path, run: str):
        """Put the program onto the device.

        Args:
            transport: The device.
            name: Name of the program, one of `TOOLS`.
            binary: The program file on this machine.
            threads: Number of threads that the program may use.
            folder: Folder on this machine for the lock that keeps other measurements off the device.
            run: Name of the measurement.

        Raises:
            AgentError: Another measurement is at work on the device.
            OSError: The program cannot be read, or the device cannot hold it.
            DeviceLost: The device cannot be reached.
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
        """Input shapes of the models on the device, by the model's name."""
        self._awaited: tuple[str, Mapping[str, tuple[int, ...]]] = ("", {})

    def close(self) -> None:
        """Let other measurements use the device."""
        self._lock.close()

    def info(self) -> dict[str, str | int]:
        """What the device and the program are; see `CommandDevice.info`."""
        return self._device.info()

    def readings(self) -> dict[str, float | None]:
        """Empty, because clock and temperature of the device are not read."""
        return {}

    def introduce(self, name: str, sha256: str, shapes: Mapping[str, tuple[int, ...]]) -> bool:
        """Note the name and input shapes of the model that `store` will send next; returns whether it was stored before."""
        self._awaited = (name, shapes)
        return name in self._shapes

    def store(self, prepared: bytes) -> None:
        """Put the model that was introduced last onto the device, and run it once to see whether the program can."""
        name, shapes = self._awaited
        try:
            self._device.load(name, prepared, shapes)
        except (ChildProcessError, ValueError) as err:
            raise AgentError("load", str(err), "runtime") from err
        self._shapes[name] = shapes

    def memory_mb(self, name: str) -> float:
        """Raises `AgentError`, because a benchmark program does not tell its memory."""
        raise AgentError("memory", "a benchmark program does not tell", "uncomparable")

    def energy(self, name: str) -> None:
        """None, because a benchmark program does not tell its energy."""

    def load(self, name: str) -> float:
        """Milliseconds of the fastest of three runs of a stored model."""
        return min(self.time(name, 3)["wall_ms"])

    def unload(self, name: str) -> None:
        """Does nothing, because every request loads its model anew."""

    def outputs(self, name: str) -> list:
        """Raises `AgentError`, because a benchmark program does not return outputs."""
        raise AgentError("outputs", "a benchmark program shows none", "uncomparable")

    def time(self, name: str, runs: int) -> dict[str, list[float]]:
        """Time a stored model; `cpu_ms` and `wall_ms` are both the program's own times."""
        try:
            times = self._device.time(name, runs)
        except (ChildProcessError, ValueError) as err:
            raise AgentError("time", str(err), "runtime") from err
        return {"cpu_ms": times["cpu_ms"], "wall_ms": times["wall_ms"]}

    def clear(self) -> None:
        """Does nothing: the models stay on the device until somebody removes chiptrack's folder there."""
