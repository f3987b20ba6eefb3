"""OpenVINO: Intel's engine, for CPUs of x86 and Arm and for Intel's GPUs and NPUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from supernet.runtimes.runtime import Convertible, Graph, missing

if TYPE_CHECKING:
    import numpy as np


class OpenVino:
    """OpenVINO on the CPU."""

    package: ClassVar[str] = "openvino>=2025"
    extra: ClassVar[str] = "openvino"
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "int8")
    clock: ClassVar[Literal["cpu", "wall"]] = "cpu"
    device: ClassVar[str] = "CPU"
    """OpenVINO's name of the device that runs the network."""

    def __init__(self, precision: str):
        self._precision = precision

    def version(self) -> str:
        try:
            import openvino
        except ImportError as err:
            raise ImportError(missing(self, "openvino")) from err
        devices = openvino.Core().available_devices
        if self.device not in (device.partition(".")[0] for device in devices):
            raise ImportError(
                f"OpenVINO must find a device {self.device}, here it finds {', '.join(devices)}; install Intel's driver for it"
            )
        return openvino.__version__

    def prepare(self, model: Convertible) -> bytes:
        from supernet.deploy.quantise import quantise

        return quantise(model.onnx, model.sample) if self._precision == "int8" else model.onnx

    def load(self, prepared: bytes, threads: int) -> OpenVinoGraph:
        import openvino

        core = openvino.Core()
        settings = {"PERFORMANCE_HINT": "LATENCY", **self._settings(threads)}
        return OpenVinoGraph(core.compile_model(core.read_model(prepared), self.device, settings).create_infer_request())

    def _settings(self, threads: int) -> dict[str, Any]:
        # f32: otherwise a CPU that has bfloat16 would compute in bfloat16
        return {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}


class OpenVinoGraph(Graph):
    """An inference request of OpenVINO, with its inputs and outputs."""

    def __init__(self, request: Any):
        self._request = request

    def bind(self, inputs: Mapping[str, np.ndarray]) -> None:
        import openvino

        for name, array in inputs.items():
            self._request.set_tensor(name, openvino.Tensor(array))

    def execute(self) -> None:
        self._request.infer()

    def outputs(self) -> list[np.ndarray]:
        return [tensor.data.copy() for tensor in self._request.output_tensors]


class OpenVinoGpu(OpenVino):
    """OpenVINO on an Intel GPU."""

    clock: ClassVar[Literal["cpu", "wall"]] = "wall"
    device: ClassVar[str] = "GPU"

    def _settings(self, threads: int) -> dict[str, Any]:
        return {"INFERENCE_PRECISION_HINT": "f32"}


class OpenVinoNpu(OpenVino):
    """OpenVINO on an Intel NPU, which has no fp32."""

    precisions: ClassVar[tuple[str, ...]] = ("int8",)
    clock: ClassVar[Literal["cpu", "wall"]] = "wall"
    device: ClassVar[str] = "NPU"

    def _settings(self, threads: int) -> dict[str, Any]:
        return {}
