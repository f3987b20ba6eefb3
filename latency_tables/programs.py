"""Benchmark programs as runtimes: the host converts, the program that the user supplies runs and times on the device.

They take the place of an agent where a device has no Python. They show no outputs, so what was converted is run on the host, too,
and compared with ONNX Runtime there.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from latency_tables.agent import Refusal, abridge, take_device
from latency_tables.command import CommandDevice
from latency_tables.connection import AgentError
from latency_tables.model import Model
from latency_tables.parity import TOLERANCES, difference
from latency_tables.runtime import Graph, Runtime
from latency_tables.runtimes.litert import LiteRt
from latency_tables.runtimes.ncnn import Ncnn
from latency_tables.tools import TOOLS
from latency_tables.transport import Transport


class Program:
    """The host's half of a benchmark program, one that reads ONNX."""

    package: ClassVar[str] = ""
    extra: ClassVar[str] = ""
    precisions: ClassVar[tuple[str, ...]] = ("fp32",)
    clock: ClassVar[Literal["cpu", "wall"]] = "wall"

    def __init__(self, precision: str):
        self._precision = precision

    def version(self) -> str:
        raise ImportError("build the program for the device and give it with --binary")

    def prepare(self, model: Model) -> bytes:
        return model.onnx

    def load(self, prepared: bytes, inputs: Mapping[str, np.ndarray], threads: int) -> Graph:
        raise ValueError("a benchmark program loads its models itself")


class BenchNcnn(Program):
    """Takes ncnn's graph, whose weights it makes up."""

    extra: ClassVar[str] = "ncnn"
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "fp16")
    """The program takes half precision where the processor has it: say fp16 there."""

    def prepare(self, model: Model) -> bytes:
        with zipfile.ZipFile(io.BytesIO(_checked(Ncnn("fp32"), model))) as archive:
            return archive.read("model.ncnn.param")


class BenchmarkModel(Program):
    """Takes a .tflite file."""

    extra: ClassVar[str] = "litert"
    precisions: ClassVar[tuple[str, ...]] = LiteRt.precisions

    def prepare(self, model: Model) -> bytes:
        return _checked(LiteRt(self._precision), model, self._precision)


PROGRAMS: dict[str, type[Runtime]] = {
    "benchmark_app": Program,
    "benchmark_model": BenchmarkModel,
    "benchncnn": BenchNcnn,
    "onnxruntime_perf_test": Program,
}
"""The host's half of each of `TOOLS`."""


def _checked(runtime: Runtime, model: Model, precision: str = "fp32") -> bytes:
    """Convert, and compare the outputs with those of ONNX Runtime on this machine."""
    runtime.version()
    prepared = runtime.prepare(model)
    outputs = runtime.load(prepared, model.sample, 1).outputs()
    off = difference(model, [(values.shape, abridge(values)) for values in outputs])
    if not off <= TOLERANCES[precision]:
        raise ValueError(f"outputs differ from ONNX Runtime's by {off:.1%}")
    return prepared


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
