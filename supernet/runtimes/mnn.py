"""MNN: Alibaba's engine for phones, on the CPU.

MNN's converter reports success whatever happens, and MNN's tensors accept values of any shape. So the converted file and the shapes of
inputs are checked here.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# MNN is optional, and compiled without type stubs

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from supernet.runtimes.runtime import Convertible, Graph, missing, run_converter

if TYPE_CHECKING:
    import numpy as np

# MNN's own command imports MNN.tools, which installs a telemetry package with pip and reports every conversion; this command does neither
_CONVERT = "import sys, _tools; _tools.mnnconvert(['', '-f', 'ONNX', '--modelFile', *sys.argv[1:2], '--MNNModel', *sys.argv[2:]])"

_IDENTIFIER = rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""Pattern of the random identifier that MNN's converter writes into every model."""


class Mnn:
    """MNN on the CPU, in float32 without any of its options that reduce precision."""

    package: ClassVar[str] = "MNN"
    extra: ClassVar[str] = "mnn"
    precisions: ClassVar[tuple[str, ...]] = ("fp32",)
    clock: ClassVar[Literal["cpu", "wall"]] = "cpu"

    def __init__(self, precision: str):
        self._precision = precision

    def version(self) -> str:
        try:
            import MNN
        except ImportError as err:
            raise ImportError(missing(self, "mnn")) from err
        return MNN.version()

    def prepare(self, model: Convertible) -> bytes:
        if find_spec("_tools") is None:
            raise ImportError(missing(self, "mnn"))
        with tempfile.TemporaryDirectory() as name:
            source, target = Path(name, "model.onnx"), Path(name, "model.mnn")
            source.write_bytes(model.onnx)
            # a process of its own, because the converter prints to standard output
            command = [sys.executable, "-c", _CONVERT, str(source), str(target)]
            done = run_converter("MNN", command, Path(name), model.name)
            if not target.is_file():
                lines = (done.stdout + done.stderr).strip().splitlines()[-3:]
                raise ValueError(f"MNN must convert {model.name}, it did not: {' / '.join(lines)}")
            # without its random identifier, the same model has the same checksum in every conversion
            content = re.sub(_IDENTIFIER, bytes(36), target.read_bytes(), count=1)
        # MNN sorts the outputs by name, so their order travels with the model
        return ",".join(model.outputs).encode() + b"\n" + content

    def load(self, prepared: bytes, threads: int) -> MnnGraph:
        import MNN

        outputs, _, content = prepared.partition(b"\n")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.mnn")
            path.write_bytes(content)
            interpreter = MNN.Interpreter(str(path))
        return MnnGraph(interpreter, outputs.decode().split(","), threads)


class MnnGraph(Graph):
    """A session of MNN, with buffers for its inputs and outputs."""

    def __init__(self, interpreter, outputs: Sequence[str], threads: int):
        from MNN import Tensor, Tensor_DimensionType_Caffe

        self._interpreter = interpreter
        self._session = session = interpreter.createSession({"backend": "CPU", "precision": "high", "numThread": threads})
        tensors = [interpreter.getSessionOutput(session, name) for name in outputs]
        self._outputs = [(tensor, Tensor(tensor, Tensor_DimensionType_Caffe)) for tensor in tensors]

    def bind(self, inputs: Mapping[str, np.ndarray]) -> None:
        from MNN import Halide_Type_Float, Tensor, Tensor_DimensionType_Caffe

        interpreter, session = self._interpreter, self._session
        taken = {name: tensor.getShape() for name, tensor in interpreter.getSessionInputAll(session).items()}
        if taken != {name: values.shape for name, values in inputs.items()}:
            raise ValueError(f"the model takes {taken}, got {', '.join(f'{name} {values.shape}' for name, values in inputs.items())}")
        # Caffe's dimension type is NCHW; copying converts between this order and MNN's blocks of channels
        self._inputs = [
            (interpreter.getSessionInput(session, name), Tensor(values.shape, Halide_Type_Float, values, Tensor_DimensionType_Caffe))
            for name, values in inputs.items()
        ]

    def execute(self) -> None:
        for tensor, values in self._inputs:
            tensor.copyFrom(values)
        if code := self._interpreter.runSession(self._session):
            raise RuntimeError(f"MNN must run the model, it returned {code}; its reason is on standard error")
        for tensor, values in self._outputs:
            tensor.copyToHostTensor(values)

    def outputs(self) -> list[np.ndarray]:
        return [values.getNumpyData().copy() for _, values in self._outputs]
