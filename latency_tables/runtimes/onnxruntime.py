"""ONNX Runtime: Microsoft's engine with its default graph optimisations, on the processor or through an execution provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    import numpy as np

    from latency_tables.model import Model


class OnnxRuntime:
    """On the processor."""

    package: ClassVar[str] = "onnxruntime"
    extra: ClassVar[str] = ""
    precisions: ClassVar[tuple[str, ...]] = ("fp32",)
    clock: ClassVar[Literal["cpu", "wall"]] = "cpu"
    provider: ClassVar[str] = "CPUExecutionProvider"

    def __init__(self, precision: str):
        self._precision = precision

    def version(self) -> str:
        try:
            import onnxruntime
        except ImportError as err:
            raise ImportError(f"runtime onnxruntime needs its package; pip install {self.package}") from err
        return onnxruntime.__version__

    def prepare(self, model: Model) -> bytes:
        return model.onnx

    def load(self, prepared: bytes, inputs: Mapping[str, np.ndarray], threads: int) -> OnnxGraph:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return OnnxGraph(onnxruntime.InferenceSession(prepared, options, providers=[self.provider]), dict(inputs))


class OnnxGraph:
    """A session with its inputs."""

    def __init__(self, session, inputs: dict[str, np.ndarray]):
        self._session = session
        self._inputs = inputs

    def run_once(self) -> None:
        self._session.run(None, self._inputs)

    def outputs(self) -> list[np.ndarray]:
        return self._session.run(None, self._inputs)
