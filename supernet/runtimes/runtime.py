"""The protocol of runtimes, which are programs that run networks: what they do on the host and on the device.

The host converts a model to the runtime's own format; the device loads and runs it. The graphs of a bundle are run in this way, and
operators and networks are timed in this way for a latency table. The file of a runtime is copied to the device, so it imports the
standard library at the top, and everything else (NumPy, the runtime, a converter) inside the method that needs it.
"""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np


class Convertible(Protocol):
    """A network with fixed input shapes, as torch module and ONNX graph, which `Runtime.prepare` takes; see `supernet/deploy/model.py`."""

    name: str
    """Name that is unique within a measurement or a bundle."""
    shapes: Mapping[str, tuple[int, ...]]
    """Shape of every input by name, in order, including the batch of one."""
    outputs: tuple[str, ...]
    """Names of the outputs, in order."""

    @property
    def module(self) -> Any:
        """The torch module, in eval mode, which takes the inputs in order."""
        ...

    @property
    def onnx(self) -> bytes:
        """The serialised ONNX graph."""
        ...

    @property
    def sample(self) -> dict[str, np.ndarray]:
        """A sample of every input by name, float32, as the function `sample` draws it."""
        return sample(self.shapes)


class Graph(Protocol):
    """A network that is loaded on the device. A tracker calls `run`; timing repeats `execute` alone, after `bind`."""

    def bind(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Set the inputs of the inferences that follow.

        Args:
            inputs: float32 arrays by name, with the names and in the order of the ONNX graph's inputs.
        """
        ...

    def execute(self) -> float | None:
        """Run one inference on the bound inputs, and wait until it has finished.

        Returns:
            Milliseconds of the inference by the runtime's own clock (events of a GPU, a simulation), or None if the caller is to time it.
        """
        ...

    def outputs(self) -> list[np.ndarray]:
        """Outputs of the last inference: float32 arrays in the order and layout (batch, channels, height, width) of the ONNX graph.

        Raises:
            NotImplementedError: The runtime only simulates and computes no outputs.
        """
        ...

    def run(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Run one inference: `bind`, `execute` and `outputs`."""
        self.bind(inputs)
        self.execute()
        return self.outputs()


@runtime_checkable
class EnergyReporting(Protocol):
    """A graph that can say itself how much energy a run takes."""

    def energy_mj(self) -> float:
        """Millijoules of one run."""
        ...


class Runtime(Protocol):
    """One runtime at one precision."""

    package: ClassVar[str]
    """Requirement to `pip install` on the device; empty if there is none."""
    extra: ClassVar[str]
    """chiptrack's extra that installs the runtime and its converter on the host; empty if chiptrack itself requires them."""
    precisions: ClassVar[tuple[str, ...]]
    """Number formats that the runtime offers; the first one is the default."""
    clock: ClassVar[Literal["cpu", "wall"]]
    """Clock that ranks single-thread runs: `cpu` (the CPU time of the process) if threads of the process do the work, else `wall`."""

    def __init__(self, precision: str): ...

    def version(self) -> str:
        """Version of the runtime on this machine.

        Raises:
            ImportError: The runtime is not installed or cannot be used here; the error says what it needs.
        """
        ...

    def prepare(self, model: Convertible) -> bytes:
        """Convert a model to the runtime's format, on the host.

        Raises:
            ImportError: The converter is not installed; the error says what to install.
            ValueError: The model cannot be converted, for example because the runtime lacks an operator.
        """
        ...

    def load(self, prepared: bytes, threads: int) -> Graph:
        """Load what `prepare` made, on the device.

        Args:
            prepared: The model in the runtime's format.
            threads: Number of threads that the runtime may use.

        Raises:
            Exception: The runtime cannot run the model, and raises an error of any type; a latency table then records the model as
                unsupported.
        """
        ...


def missing(runtime: Runtime | type[Runtime], name: str) -> str:
    """Error message for a runtime whose package is not installed."""
    ways = [f"pip install {runtime.package}"] if runtime.package else []
    ways += [f"pip install 'chiptrack[{runtime.extra}]'"] if runtime.extra else []
    return f"runtime {name} needs its package; {' or '.join(ways)}"


CONVERT_S = 600
"""Seconds that a converter may take for one model."""


def run_converter(converter: str, command: Sequence[str], folder: Path, model: str) -> subprocess.CompletedProcess[str]:
    """Run a converter that is a program of its own; the caller looks at what it has made.

    Args:
        converter: Name of the converter, for the error.
        command: The program and its arguments.
        folder: The folder in which it runs.
        model: Name of the model, for the error.

    Raises:
        ValueError: It takes more than ten minutes, and was killed.
    """
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=CONVERT_S)
    except subprocess.TimeoutExpired as err:
        raise ValueError(f"{converter} must convert {model} within {CONVERT_S} s, it did not end; take another runtime") from err


def sample(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Draw sample inputs: standard normal, float32, seeded by the name of each input, so that host and device draw the same.

    Args:
        shapes: Shape of every input by name, including the batch of one.
    """
    import numpy as np

    return {name: np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, np.float32) for name, shape in shapes.items()}
