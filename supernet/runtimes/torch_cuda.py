"""torch itself: on the CPU, and on an NVIDIA GPU as one CUDA graph.

A module is sent to the device as frozen TorchScript with its BatchNorms folded, which loads there without this project. torch.export
would not fold the BatchNorms and takes several times as long, and its files take about forty times as long to load.
"""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Literal

from supernet.runtimes.runtime import Convertible, Graph, missing

if TYPE_CHECKING:
    import numpy as np

_DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
_WARM_UPS = 3
"""Number of runs before a CUDA graph is recorded."""


class TorchCpu:
    """torch on the CPU."""

    package: ClassVar[str] = "torch"
    extra: ClassVar[str] = ""
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "bf16")
    clock: ClassVar[Literal["cpu", "wall"]] = "cpu"

    def __init__(self, precision: str):
        self._dtype = _DTYPES[precision]

    def version(self) -> str:
        try:
            import torch
        except ImportError as err:
            raise ImportError(missing(self, "torch")) from err
        return torch.__version__

    def prepare(self, model: Convertible) -> bytes:
        import torch

        dtype, buffer = getattr(torch, self._dtype), io.BytesIO()
        module = copy.deepcopy(model.module).to(dtype)
        zeros = tuple(torch.zeros(shape, dtype=dtype) for shape in model.shapes.values())
        with _without_warnings(), torch.no_grad():
            torch.jit.save(torch.jit.freeze(torch.jit.trace(module, zeros, check_trace=False)), buffer)
        return buffer.getvalue()

    def load(self, prepared: bytes, threads: int) -> Graph:
        import torch

        torch.set_num_threads(threads)
        return TorchCpuGraph(_loaded(prepared, "cpu"), self._dtype)


class TorchCpuGraph(Graph):
    """A TorchScript module with its bound inputs and last outputs, run operator by operator."""

    def __init__(self, module, dtype: str):
        self._module = module
        self._dtype = dtype

    def bind(self, inputs: Mapping[str, np.ndarray]) -> None:
        self._inputs = _tensors(inputs, self._dtype, "cpu")

    def execute(self) -> None:
        import torch

        with torch.inference_mode():
            self._found = self._module(*self._inputs)

    def outputs(self) -> list[np.ndarray]:
        return _arrays(self._found)


class TorchCuda(TorchCpu):
    """torch on an NVIDIA GPU. The module is recorded once as a CUDA graph and replayed, so that launches by the CPU cost nothing."""

    precisions: ClassVar[tuple[str, ...]] = ("fp32", "fp16", "bf16")
    clock: ClassVar[Literal["cpu", "wall"]] = "wall"

    def version(self) -> str:
        version = super().version()
        import torch

        if not torch.cuda.is_available():
            raise ImportError(f"runtime torch_cuda needs a GPU of NVIDIA, its driver and torch built for CUDA; torch {version} finds none")
        return version

    def load(self, prepared: bytes, threads: int) -> Graph:
        import torch

        # TF32 would make fp32 a 19-bit format; newer names for these switches exist, but not in the torch of every board
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True
        return TorchCudaGraph(_loaded(prepared, "cuda"), self._dtype)


class TorchCudaGraph(Graph):
    """A TorchScript module that is recorded with its first inputs, and replayed between two events that time it."""

    def __init__(self, module, dtype: str):
        self._module = module
        self._dtype = dtype
        self._graph = None

    def bind(self, inputs: Mapping[str, np.ndarray]) -> None:
        tensors = _tensors(inputs, self._dtype, "cuda")
        if self._graph is None:
            self._inputs = tensors  # the CUDA graph reads from their memory
            self._record()
        else:
            for kept, tensor in zip(self._inputs, tensors, strict=True):
                kept.copy_(tensor)

    def _record(self) -> None:
        import torch

        module, inputs = self._module, self._inputs
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        self._graph = torch.cuda.CUDAGraph()
        # TorchScript's own fusion would recompile while it learns the shapes
        with torch.inference_mode(), _without_warnings(), torch.jit.optimized_execution(False):  # pyright: ignore[reportPrivateImportUsage]
            with torch.cuda.stream(stream):
                for _ in range(_WARM_UPS):
                    module(*inputs)
            torch.cuda.current_stream().wait_stream(stream)
            with torch.cuda.graph(self._graph, stream=stream):
                self._outputs = module(*inputs)
        self._start, self._end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def execute(self) -> float:
        assert self._graph is not None, "inputs are bound first"
        self._start.record()
        self._graph.replay()
        self._end.record()
        self._end.synchronize()
        return self._start.elapsed_time(self._end)

    def outputs(self) -> list[np.ndarray]:
        return _arrays(self._outputs)


def _loaded(prepared: bytes, device: str):
    import torch

    with _without_warnings():
        return torch.jit.load(io.BytesIO(prepared), map_location=device)


def _tensors(inputs: Mapping[str, np.ndarray], dtype: str, device: str) -> list:
    import torch

    return [torch.from_numpy(value).to(device, getattr(torch, dtype)) for value in inputs.values()]


def _arrays(outputs) -> list[np.ndarray]:
    return [output.float().cpu().numpy() for output in (outputs if isinstance(outputs, tuple) else (outputs,))]


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Ignore all warnings, such as that TorchScript is deprecated or that a trace makes a value constant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
