"""ONNX Runtime: Microsoft's engine with its default graph optimisations, on the CPU or on what one of its execution providers uses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from supernet.runtimes.runtime import Convertible, Graph, missing

if TYPE_CHECKING:
    import numpy as np

# since 1.32 ONNX Runtime reports to Microsoft, and keeps its reports in the caches and temporary folders of the user
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


class OnnxRuntime:
    """ONNX Runtime on the CPU."""

    package: ClassVar[str] = "onnxruntime"
    extra: ClassVar[str] = ""
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "int8")
    clock: ClassVar[Literal["cpu", "wall"]] = "cpu"
    provider: ClassVar[str] = "CPUExecutionProvider"
    """Execution provider that runs the graph."""
    build: ClassVar[str] = "pip install onnxruntime"
    """How to get an ONNX Runtime that has the provider; for error messages."""

    def __init__(self, precision: str):
        self._precision = precision

    def version(self) -> str:
        try:
            import onnxruntime
        except ImportError as err:
            raise ImportError(missing(self, "onnxruntime")) from err
        available = onnxruntime.get_available_providers()
        if self.provider not in available:
            raise ImportError(f"ONNX Runtime must have {self.provider}, this build has {', '.join(available)}; use {self.build}")
        return onnxruntime.__version__

    def prepare(self, model: Convertible) -> bytes:
        from supernet.deploy.quantise import quantise

        return quantise(model.onnx, model.sample) if self._precision == "int8" else model.onnx

    def load(self, prepared: bytes, threads: int) -> Graph:
        return OnnxGraph(self._session(prepared, threads))

    def _session(self, prepared: bytes, threads: int):
        import onnxruntime

        # enable_fallback: otherwise a provider that fails to start would be replaced by the CPU, with a message only
        session = onnxruntime.InferenceSession(
            prepared, self._options(threads), providers=[(self.provider, self._provider_options(threads))], enable_fallback=0
        )
        if self.provider not in session.get_providers():
            raise RuntimeError(f"the session must use {self.provider}, it uses {', '.join(session.get_providers())}; use {self.build}")
        return session

    def _options(self, threads: int):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what fails is raised; it need not be printed as well
        return options

    def _provider_options(self, threads: int) -> dict[str, str]:
        return {}


class OnnxGraph(Graph):
    """A session of ONNX Runtime, with its bound inputs and last outputs."""

    def __init__(self, session: Any):
        self._session = session

    def bind(self, inputs: Mapping[str, np.ndarray]) -> None:
        self._inputs = dict(inputs)

    def execute(self) -> None:
        self._outputs = self._session.run(None, self._inputs)

    def outputs(self) -> list[np.ndarray]:
        return self._outputs


class Xnnpack(OnnxRuntime):
    """XNNPACK, Google's kernels for the CPU. Operators that it lacks (Sigmoid, Mul) run on ONNX Runtime's own kernels, as always."""

    provider: ClassVar[str] = "XnnpackExecutionProvider"
    build: ClassVar[str] = "an ONNX Runtime built with --use_xnnpack"

    def _options(self, threads: int):
        options = super()._options(1)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # XNNPACK's own threads want the cores
        return options

    def _provider_options(self, threads: int) -> dict[str, str]:
        return {"intra_op_num_threads": str(threads)}


class Accelerator(OnnxRuntime):
    """An execution provider that does not use the CPU's cores: it runs a graph as a whole, or the graph is refused."""

    clock: ClassVar[Literal["cpu", "wall"]] = "wall"

    def _options(self, threads: int):
        options = super()._options(threads)
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        return options


class Cuda(Accelerator):
    """ONNX Runtime on an NVIDIA GPU. Inputs and outputs stay there; the launches are recorded once and replayed as one CUDA graph."""

    package: ClassVar[str] = "onnxruntime-gpu"
    precisions: ClassVar[tuple[str, ...]] = ("fp32",)  # it has no int8 kernels
    provider: ClassVar[str] = "CUDAExecutionProvider"
    build: ClassVar[str] = "pip install onnxruntime-gpu in place of onnxruntime, with the CUDA and cuDNN that it names"

    def load(self, prepared: bytes, threads: int) -> Graph:
        return BoundGraph(self._session(prepared, threads), "cuda")

    def _provider_options(self, threads: int) -> dict[str, str]:
        return {"enable_cuda_graph": "1", "use_tf32": "0"}


class BoundGraph(Graph):
    """A session of ONNX Runtime whose inputs and outputs lie at fixed addresses on its device."""

    def __init__(self, session: Any, device: str):
        import numpy as np
        from onnxruntime import OrtValue

        self._session = session
        self._device = device
        self._binding = session.io_binding()
        self._inputs: dict[str, Any] = {}
        for output in session.get_outputs():
            buffer = OrtValue.ortvalue_from_shape_and_type(output.shape, np.float32, device, 0)
            self._binding.bind_ortvalue_output(output.name, buffer)

    def bind(self, inputs: Mapping[str, np.ndarray]) -> None:
        from onnxruntime import OrtValue

        for name, array in inputs.items():
            if name in self._inputs:
                self._inputs[name].update_inplace(array)  # a recorded graph reads the addresses of its first inputs
            else:
                self._inputs[name] = OrtValue.ortvalue_from_numpy(array, self._device, 0)
                self._binding.bind_ortvalue_input(name, self._inputs[name])

    def execute(self) -> None:
        self._session.run_with_iobinding(self._binding)

    def outputs(self) -> list[np.ndarray]:
        return self._binding.copy_outputs_to_cpu()


class Qnn(Accelerator):
    """Qualcomm's NPU, Hexagon. On x86 the same package simulates the NPU: the outputs are right, the times mean nothing."""

    package: ClassVar[str] = "onnxruntime-qnn>=2"
    precisions: ClassVar[tuple[str, ...]] = ("int8",)
    provider: ClassVar[str] = "QNNExecutionProvider"

    def version(self) -> str:
        import platform

        try:
            import onnxruntime_qnn  # pyright: ignore[reportMissingImports]
        except ImportError as err:
            raise ImportError(missing(self, "onnxruntime-qnn")) from err
        return onnxruntime_qnn.__version__ + (", simulated" if platform.machine() in ("x86_64", "AMD64") else "")

    def _session(self, prepared: bytes, threads: int):
        import onnxruntime
        import onnxruntime_qnn  # pyright: ignore[reportMissingImports]

        if self.provider not in onnxruntime.get_available_providers():
            onnxruntime.register_execution_provider_library(self.provider, onnxruntime_qnn.get_library_path())
        npu = onnxruntime.OrtHardwareDeviceType.NPU
        devices = [device for device in onnxruntime.get_ep_devices() if device.ep_name == self.provider]
        devices.sort(key=lambda device: device.device.type != npu)
        options = self._options(threads)
        options.add_provider_for_devices(
            devices[:1],
            {
                "backend_path": onnxruntime_qnn.get_qnn_htp_path(),
                "htp_performance_mode": "burst",
                "offload_graph_io_quantization": "0",  # otherwise the CPU would quantise the inputs
            },
        )
        return onnxruntime.InferenceSession(prepared, options, enable_fallback=0)


class Nnapi(Accelerator):
    """NNAPI, Android's interface to the accelerators of a phone."""

    provider: ClassVar[str] = "NnapiExecutionProvider"
    build: ClassVar[str] = "an ONNX Runtime built for Android with --use_nnapi"


class CoreMl(Accelerator):
    """Apple's Core ML, which divides the work among CPU, GPU and Neural Engine."""

    precisions: ClassVar[tuple[str, ...]] = ("fp32",)
    provider: ClassVar[str] = "CoreMLExecutionProvider"
    build: ClassVar[str] = "pip install onnxruntime on macOS"

    def _provider_options(self, threads: int) -> dict[str, str]:
        return {"ModelFormat": "MLProgram", "RequireStaticInputShapes": "1"}  # the other format would compute in half precision
