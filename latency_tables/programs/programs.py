"""Benchmark programs as runtimes: the host converts a model, and the program that the user supplies runs and times it on the device.

Benchmark programs take the place of the agent on devices without Python. They do not return a model's outputs, so a model that was
converted from ONNX is also run on the host, where its outputs are compared with those of ONNX Runtime.
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
    """The host's half of a benchmark program that reads ONNX files; the base class for those that read other formats."""

    package: ClassVar[str] = ""
    extra: ClassVar[str] = ""
    precisions: ClassVar[tuple[str, ...]] = ("fp32",)
    clock: ClassVar[Literal["cpu", "wall"]] = "wall"

    def __init__(self, precision: str):
        self._precision = precision

    def version(self) -> str:
        """Raises `ImportError`, because a benchmark program is never installed on this machine."""
        raise ImportError("build the program for the device and give it with --binary")

    def prepare(self, model: Convertible) -> bytes:
        return model.onnx

    def load(self, prepared: bytes, threads: int) -> Graph:
        """Raises `ValueError`, because only the program on the device can load a model."""
        raise ValueError("a benchmark program loads its models itself")


class BenchNcnn(Program):
    """The host's half of `benchncnn`, which reads ncnn's graph without weights and makes up the weights itself."""

    extra: ClassVar[str] = "ncnn"
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "fp16")
    """The program computes in half precision whenever the processor can: ask for fp16 on such a device. The model is the same."""

    def prepare(self, model: Convertible) -> bytes:
        with zipfile.ZipFile(io.BytesIO(_checked(Ncnn("fp32"), model))) as archive:
            return archive.read("model.ncnn.param")


class BenchmarkModel(Program):
    """The host's half of `benchmark_model` of TFLite/LiteRT, which reads .tflite files."""

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
"""The host's half of each benchmark program in `TOOLS`, by the program's name."""


def _checked(runtime: Runtime, model: Convertible, precision: str = "fp32") -> bytes:
    """Convert a model, and check its outputs on this machine against ONNX Runtime's.

    Raises:
        ImportError: The runtime is not installed on this machine.
        ValueError: The outputs differ by more than `TOLERANCES` allow.
    """
    runtime.version()
    prepared = runtime.prepare(model)
    outputs = runtime.load(prepared, 1).run(model.sample)
    off = difference(model, [(values.shape, abridge(values)) for values in outputs])
    if not off <= TOLERANCES[precision]:
        raise ValueError(f"outputs differ from ONNX Runtime's by {off:.1%}")
    return prepared
