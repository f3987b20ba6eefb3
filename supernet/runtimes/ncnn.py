"""ncnn: Tencent's engine for phones, on the CPU or through Vulkan.

The converter is pnnx, which names inputs in0, in1, ... and outputs out0, out1, ... in the order of the ONNX graph. ncnn returns error
codes, and it crashes if an input is missing. So every code is checked here, and the number of inputs before anything runs.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# ncnn is optional, and compiled without type stubs

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from supernet.runtimes.runtime import Convertible, Graph, missing, run_converter

if TYPE_CHECKING:
    import numpy as np

_FILES = ("model.ncnn.param", "model.ncnn.bin")


class Ncnn:
    """ncnn on the CPU."""

    package: ClassVar[str] = "ncnn"
    extra: ClassVar[str] = "ncnn"
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "bf16", "fp16")
    clock: ClassVar[Literal["cpu", "wall"]] = "cpu"
    vulkan: ClassVar[bool] = False
    """Whether a GPU runs the network, through Vulkan."""

    def __init__(self, precision: str):
        self._precision = precision

    def version(self) -> str:
        try:
            import ncnn
        except ImportError as err:
            raise ImportError(missing(self, "ncnn")) from err
        return ncnn.__version__

    def prepare(self, model: Convertible) -> bytes:
        try:
            from pnnx import EXEC_PATH
        except ImportError as err:
            raise ImportError(f"converting for ncnn needs pnnx; pip install 'chiptrack[{self.extra}]'") from err
        packed = io.BytesIO()
        with tempfile.TemporaryDirectory() as name, zipfile.ZipFile(packed, "w") as archive:
            folder = Path(name)
            (folder / "model.onnx").write_bytes(model.onnx)
            # fp16=0: the weights stay float32 and are rounded on the device
            done = run_converter("pnnx", [EXEC_PATH, "model.onnx", "fp16=0"], folder, model.name)
            if done.returncode or not (folder / _FILES[-1]).is_file():
                lines = (done.stderr or done.stdout).strip().splitlines()[-3:]
                raise ValueError(f"pnnx must convert {model.name}, it ended with {done.returncode}: {' / '.join(lines)}")
            for file in _FILES:
                archive.writestr(zipfile.ZipInfo(file), (folder / file).read_bytes())
        return packed.getvalue()

    def load(self, prepared: bytes, threads: int) -> NcnnGraph:
        import ncnn

        if self._precision == "fp16" and not self.vulkan and not ncnn.cpu_support_arm_asimdhp():
            raise ValueError("ncnn runs fp16 on processors with half-precision arithmetic (ARMv8.2), this one has none; take fp32 or bf16")
        net = ncnn.Net()
        options = net.opt
        options.num_threads = threads
        options.use_vulkan_compute = self.vulkan
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = self._precision == "fp16"
        options.use_bf16_packed = options.use_bf16_storage = self._precision == "bf16"
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(io.BytesIO(prepared)) as archive:
            archive.extractall(folder)
            param, weights = (str(Path(folder, file)) for file in _FILES)
            kinds = [line.split()[0] for line in Path(param).read_text().splitlines()[2:]]
            if unknown := sorted({kind for kind in kinds if ncnn.layer_to_index(kind) < 0}):
                raise ValueError(f"ncnn must know every operator of a model, it does not know {', '.join(unknown)}")
            _check(net.load_param(param), "read the graph")
            _check(net.load_model(weights), "read the weights")
        if self._precision == "fp16" and not options.use_fp16_storage:  # ncnn resets options that the GPU does not support
            raise ValueError("this GPU stores no fp16; take fp32")
        return NcnnGraph(net)


class NcnnVulkan(Ncnn):
    """ncnn on a GPU, through Vulkan; every run copies the inputs to the GPU and the outputs back."""

    precisions: ClassVar[tuple[str, ...]] = ("fp32", "fp16")
    clock: ClassVar[Literal["cpu", "wall"]] = "wall"
    vulkan: ClassVar[bool] = True

    def version(self) -> str:
        version = super().version()
        import ncnn

        if not ncnn.get_gpu_count():
            raise ImportError("runtime ncnn-vulkan needs libvulkan.so.1 and a GPU with a Vulkan driver, this machine has none")
        return f"{version} on {ncnn.get_gpu_info(ncnn.get_default_gpu_index()).device_name()}"

    def load(self, prepared: bytes, threads: int) -> NcnnGraph:
        self.version()  # without a GPU, ncnn would run on the CPU
        return super().load(prepared, threads)


class NcnnGraph(Graph):
    """A network in ncnn, with its bound inputs and last outputs."""

    def __init__(self, net):
        self._net = net
        self._outputs = [f"out{i}" for i in range(len(net.output_names()))]
        self._found: list = []

    def bind(self, inputs: Mapping[str, np.ndarray]) -> None:
        from ncnn import Mat

        if len(self._net.input_names()) != len(inputs):
            raise ValueError(f"the model takes {len(self._net.input_names())} inputs, got {', '.join(inputs)}")
        # a clone, because ncnn's channels start at multiples of 16 bytes and NumPy's do not
        self._inputs = {f"in{i}": Mat(values[0]).clone() for i, values in enumerate(inputs.values())}

    def outputs(self) -> list[np.ndarray]:
        import numpy as np

        return [np.array(mat)[None] for mat in self._found]

    def execute(self) -> None:
        extractor = self._net.create_extractor()
        for name, mat in self._inputs.items():
            _check(extractor.input(name, mat), f"take {name}")
        mats = []
        for name in self._outputs:
            code, mat = extractor.extract(name)
            _check(code, f"compute {name}")
            mats.append(mat)
        self._found = mats


def _check(code: int, what: str) -> None:
    """Raise a RuntimeError unless ncnn returned 0; `what` says what it had to do."""
    if code:
        raise RuntimeError(f"ncnn must {what}, it returned {code}; its reason is on standard error")
