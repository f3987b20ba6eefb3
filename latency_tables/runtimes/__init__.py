"""Programs that run networks on a device, by name. Each file imports its packages only when they are used."""

from latency_tables.runtime import Runtime
from latency_tables.runtimes.litert import LiteRt
from latency_tables.runtimes.mnn import Mnn
from latency_tables.runtimes.ncnn import Ncnn, NcnnVulkan
from latency_tables.runtimes.onnxruntime import CoreMl, Cuda, Nnapi, OnnxRuntime, Qnn, Xnnpack
from latency_tables.runtimes.openvino import OpenVino, OpenVinoGpu, OpenVinoNpu
from latency_tables.runtimes.simulated import Simulated
from latency_tables.runtimes.torch_cuda import TorchCpu, TorchCuda

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
    "ncnn": Ncnn,
    "ncnn-vulkan": NcnnVulkan,
    "mnn": Mnn,
    "litert": LiteRt,
    "torch": TorchCpu,
    "torch_cuda": TorchCuda,
    "simulated": Simulated,
}
