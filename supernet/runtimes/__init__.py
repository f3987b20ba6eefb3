"""Runtimes (programs that run networks on a device) by name. Each file imports the packages of its runtime only when they are used."""

from supernet.runtimes.litert import LiteRt
from supernet.runtimes.mnn import Mnn
from supernet.runtimes.ncnn import Ncnn, NcnnVulkan
from supernet.runtimes.onnxruntime import CoreMl, Cuda, Nnapi, OnnxRuntime, Qnn, Xnnpack
from supernet.runtimes.openvino import OpenVino, OpenVinoGpu, OpenVinoNpu
from supernet.runtimes.runtime import Runtime
from supernet.runtimes.simulated import Simulated
from supernet.runtimes.torch_cuda import TorchCpu, TorchCuda

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
