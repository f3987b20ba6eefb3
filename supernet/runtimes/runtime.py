"""What a runtime provides: a program that runs networks, seen from the host and from the device.

The host prepares a model in the runtime's own format, the device loads and runs it. A bundle runs its graphs this way, and a latency
table times them this way. A runtime's file is copied to the device, so it imports the standard library at the top, and everything
else (numpy, the runtime, a converter) inside the method that needs it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np


class Convertible(Protocol):
    """What `prepare` takes: a network with fixed input shapes, in the common formats; see `supernet/deploy/model.py`."""

    name: str
    """Unique within a measurement or a bundle."""
    shapes: Mapping[str, tuple[int, ...]]
    """Of every input, by name, the batch of one included."""
    outputs: tuple[str, ...]
    """Names of the outputs, in order."""

    @property
    def module(self) -> Any:
        """A torch module, which takes the inputs in order, ready for inference."""
        ...

    @property
    def onnx(self) -> bytes:
        """The serialised ONNX graph."""
        ...

    @property
    def sample(self) -> dict[str, np.ndarray]:
        """One input of each name, float32: those that a device makes for itself."""
        return sample(self.shapes)


class Graph(Protocol):
    """A network on the device, loaded. `run` is what a tracker calls; timing repeats `execute` between `bind` and `outputs`."""

    def bind(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Put inputs where the network reads them.

        Args:
            inputs: float32 arrays by the names of the ONNX graph's inputs and in their order.
        """
        ...

    def execute(self) -> float | None:
        """Run one inference on the bound inputs, to its end.

        Returns:
            Its milliseconds by the runtime's own clock (events of a GPU, a simulation), or None to leave the timing to the caller.
        """
        ...

    def outputs(self) -> list[np.ndarray]:
        """What the last inference gave: float32 arrays, in the order and layout (batch, channels, height, width) of the ONNX graph.

        Raises:
            NotImplementedError: The runtime computes nothing, so there is nothing to compare.
        """
        ...

    def run(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """One inference from inputs to outputs."""
        self.bind(inputs)
        self.execute()
        return self.outputs()


@runtime_checkable
class Metered(Protocol):
    """A graph that knows the energy of a run itself."""

    def energy_mj(self) -> float:
        """Millijoules of one run."""
        ...


class Runtime(Protocol):
    """One runtime at one precision."""

    package: ClassVar[str]
    """What `pip install` needs on the device; empty where nothing does."""
    extra: ClassVar[str]
    """Name of chiptrack's extra that installs the runtime and its converter on the host; empty where it is a plain dependency."""
    precisions: ClassVar[tuple[str, ...]]
    """Number formats that it runs, the default first."""
    clock: ClassVar[Literal["cpu", "wall"]]
    """`cpu` where threads of the process do the work, so that its CPU time can rank single-thread runs; else `wall`."""

    def __init__(self, precision: str): ...

    def version(self) -> str:
        """Version of the runtime on this machine.

        Raises:
            ImportError: It is not here; the error says what to install.
        """
        ...

    def prepare(self, model: Convertible) -> bytes:
        """Convert a model, on the host.

        Raises:
            ImportError: The converter is not here; the error says what to install.
            ValueError: The runtime has no such operator or precision.
        """
        ...

    def load(self, prepared: bytes, threads: int) -> Graph:
        """Load what `prepare` made, on the device.

        Args:
            prepared: The model in the runtime's format.
            threads: Threads that the runtime may use.

        Raises:
            Exception: Whatever the runtime raises where it cannot run the model; a table then records it as unsupported.
        """
        ...


def missing(runtime: Runtime | type[Runtime], name: str) -> str:
    """What to say where a runtime's package is not installed."""
    ways = [f"pip install {runtime.package}"] if runtime.package else []
    ways += [f"pip install 'chiptrack[{runtime.extra}]'"] if runtime.extra else []
    return f"runtime {name} needs its package; {' or '.join(ways)}"


def sample(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Inputs that host and device make alike: standard normal, float32, drawn from the checksum of the name.

    Args:
        shapes: Of every input, by name, the batch of one included.
    """
    import numpy as np

    return {name: np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, np.float32) for name, shape in shapes.items()}
