"""What a file under `runtimes/` provides: a program that runs networks, seen from the host and from the device.

The host prepares a model in the runtime's own format, the device loads and runs it. A runtime's file is copied to the device, so
it imports the standard library at the top, and everything else (numpy, the runtime, a converter) inside the method that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np

    from latency_tables.model import Model


class Graph(Protocol):
    """A network on the device, loaded, with its inputs at hand."""

    def run_once(self) -> float | None:
        """Run one inference to its end.

        Returns:
            Its milliseconds by the runtime's own clock (events of a GPU, a simulation), or None to leave the timing to the agent.
        """
        ...

    def outputs(self) -> list[np.ndarray]:
        """Run one inference and return float32 arrays, in the order and layout (batch, channels, height, width) of the ONNX graph.

        Raises:
            NotImplementedError: The runtime computes nothing, so there is nothing to compare.
        """
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

    def prepare(self, model: Model) -> bytes:
        """Convert a model, on the host.

        Raises:
            ImportError: The converter is not here; the error says what to install.
            ValueError: The runtime has no such operator or precision.
        """
        ...

    def load(self, prepared: bytes, inputs: Mapping[str, np.ndarray], threads: int) -> Graph:
        """Load what `prepare` made, on the device.

        Args:
            prepared: The model in the runtime's format.
            inputs: What every inference is given, by the names of the ONNX graph's inputs and in their order; float32.
            threads: Threads that the runtime may use.

        Raises:
            Exception: Whatever the runtime raises where it cannot run the model; the table then records it as unsupported.
        """
        ...


def missing(runtime: Runtime | type[Runtime], name: str) -> str:
    """What to say where a runtime's package is not installed."""
    ways = [f"pip install {runtime.package}"] if runtime.package else []
    ways += [f"pip install 'chiptrack[{runtime.extra}]'"] if runtime.extra else []
    return f"runtime {name} needs its package; {' or '.join(ways)}"
