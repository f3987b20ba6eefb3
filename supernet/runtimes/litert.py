"""LiteRT, formerly TensorFlow Lite: Google's engine for phones, with its XNNPACK delegate on the CPU.

The model file is written by `supernet.deploy.tflite`, and its values (batch, channels, ...) are stored channels last.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import redirect_stderr
from io import StringIO
from typing import TYPE_CHECKING, ClassVar, Literal

from supernet.runtimes.runtime import Convertible, Graph, missing

if TYPE_CHECKING:
    import numpy as np

    from supernet.deploy.tflite import TfliteFile


class LiteRt:
    """LiteRT on the CPU."""

    package: ClassVar[str] = "ai-edge-litert"
    extra: ClassVar[str] = "litert"
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "int8")
    clock: ClassVar[Literal["cpu", "wall"]] = "cpu"

    def __init__(self, precision: str):
        self._precision = precision

    def version(self) -> str:
        try:
            import ai_edge_litert
        except ImportError as err:
            raise ImportError(missing(self, "litert")) from err
        return ai_edge_litert.__version__

    def prepare(self, model: Convertible) -> bytes:
        from supernet.deploy.tflite import to_tflite

        self.version()
        file = to_tflite(model.onnx, quantised=self._precision == "int8")
        if self._precision == "fp32":
            return file.content()
        try:
            return _quantised(file, {name: _stored(value) for name, value in model.sample.items()})
        except ImportError as err:
            raise ImportError(f"int8 for runtime litert needs a quantiser; pip install 'chiptrack[{self.extra}]'") from err

    def load(self, prepared: bytes, threads: int) -> LiteRtGraph:
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=prepared, num_threads=threads)
        interpreter.allocate_tensors()
        return LiteRtGraph(interpreter)


class LiteRtGraph(Graph):
    """An interpreter of LiteRT, which holds the inputs and outputs."""

    def __init__(self, interpreter):
        self._interpreter = interpreter

    def bind(self, inputs: Mapping[str, np.ndarray]) -> None:
        for detail, value in zip(self._interpreter.get_input_details(), inputs.values(), strict=True):
            self._interpreter.set_tensor(detail["index"], _stored(value))

    def execute(self) -> None:
        self._interpreter.invoke()

    def outputs(self) -> list[np.ndarray]:
        import numpy as np

        details = self._interpreter.get_output_details()
        return [np.ascontiguousarray(np.moveaxis(self._interpreter.get_tensor(detail["index"]), -1, 1)) for detail in details]


def _stored(value: np.ndarray) -> np.ndarray:
    """Convert (batch, channels, ...) to channels last, as the model file stores values."""
    import numpy as np

    return np.ascontiguousarray(np.moveaxis(value, 1, -1))


def _quantised(file: TfliteFile, inputs: Mapping[str, np.ndarray]) -> bytes:
    """Convert a model to int8, statically, with ranges from one sample; its inputs and outputs stay float32."""
    from ai_edge_quantizer import algorithm_manager, qtyping, quantizer, recipe

    from supernet.deploy.tflite import SIGNATURE

    maker = quantizer.Quantizer(file.content(), recipe.static_wi8_ai8())
    for end in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        maker.update_quantization_recipe(".*", end, algorithm_key=algorithm_manager.AlgorithmName.NO_QUANTIZE)
    with warnings.catch_warnings(), redirect_stderr(StringIO()):  # progress bars
        warnings.simplefilter("ignore", UserWarning)  # the quantiser warns about its own way to calibrate
        ranges = maker.calibrate({SIGNATURE: [dict(inputs)]}, num_threads=1)
        for tensor, width in file.least_ranges().items():
            ranges[str(tensor)]["max"] = ranges[str(tensor)]["max"].clip(width)
        quantised = maker.quantize(ranges, enable_progress_report=False).quantized_model
    assert quantised is not None
    return bytes(quantised)
