"""Programs that run networks on a device, by name. Each file imports its packages only when they are used."""

from latency_tables.runtime import Runtime
from latency_tables.runtimes.onnxruntime import CoreMl, Cuda, Nnapi, OnnxRuntime, Qnn, Xnnpack
from latency_tables.runtimes.openvino import OpenVino, OpenVinoGpu, OpenVinoNpu
from latency_tables.runtimes.simulated import Simulated

RUNTIMES: dict[str, type[Runtime]] = {
    "onnxruntime": OnnxRuntime,
    "onnxruntime-cuda": Cuda,
    "onnxruntime-xnnpack": Xnnpack,
    "onnxruntime-qnn": Qnn,
    "onnxruntime-nnapi": Nnapi,
    "onnxruntime-coreml": CoreMl,
    "openvino": OpenVino,
    "openvino-gpu": OpenVinoGpu,
    "openvino-npu": OpenVinoNpu,
    "simulated": Simulated,
}
