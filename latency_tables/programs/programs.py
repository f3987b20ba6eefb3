"""Benchmark programs as runtimes: the host converts, the program that the user supplies runs and times on the device.

They take the place of an agent where a device has no Python. They show no outputs, so what was converted is run on the host, too,
and compared with ONNX Runtime there.
"""

from __future__ import annotations

import io
import zipfile
from typing import ClassVar, Literal

from latency_tables.agent.serving import abridge
from latency_tables.parity import TOLERANCES, difference
from supernet.runtimes.litert import LiteRt
from supernet.runtimes.ncnn import Ncnn
from supernet.runtimes.runtime import Convertible, Graph, Runtime


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

    def prepare(self, model: Convertible) -> bytes:
        return model.onnx

    def load(self, prepared: bytes, threads: int) -> Graph:
        raise ValueError("a benchmark program loads its models itself")


class BenchNcnn(Program):
    """Takes ncnn's graph, whose weights it makes up."""

    extra: ClassVar[str] = "ncnn"
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "fp16")
    """The program takes half precision where the processor has it: say fp16 there."""

    def prepare(self, model: Convertible) -> bytes:
        with zipfile.ZipFile(io.BytesIO(_checked(Ncnn("fp32"), model))) as archive:
            return archive.read("model.ncnn.param")


class BenchmarkModel(Program):
    """Takes a .tflite file."""

    extra: ClassVar[str] = "litert"
    precisions: ClassVar[tuple[str, ...]] = LiteRt.precisions

    def prepare(self, model: Convertible) -> bytes:
        return _checked(LiteRt(self._precision), model, self._precision)


PROGRAMS: dict[str, type[Runtime]] = {
    "benchmark_app": Program,
    "benchmark_model": BenchmarkModel,
    "benchncnn": BenchNcnn,
    "onnxruntime_perf_test": Program,
}
"""The host's half of each of `TOOLS`."""


def _checked(runtime: Runtime, model: Convertible, precision: str = "fp32") -> bytes:
    """Convert, and compare the outputs with those of ONNX Runtime on this machine."""
    runtime.version()
    prepared = runtime.prepare(model)
    outputs = runtime.load(prepared, 1).run(model.sample)
    off = difference(model, [(values.shape, abridge(values)) for values in outputs])
    if not off <= TOLERANCES[precision]:
        raise ValueError(f"outputs differ from ONNX Runtime's by {off:.1%}")
    return prepared
