"""Programs that run an ONNX graph on a device, by name. Each file imports its package only when it is used."""

from latency_tables.runtimes.onnxruntime import OnnxRuntime

RUNTIMES = {"onnxruntime": OnnxRuntime}
