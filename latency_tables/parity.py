"""Whether a converted model still computes what the ONNX graph does: what is timed must be the network, not a mistake."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latency_tables.agent.serving import abridge
from supernet.runtimes.onnxruntime import OnnxRuntime
from supernet.runtimes.runtime import Convertible

TOLERANCES = {"fp32": 1e-3, "fp16": 0.02, "bf16": 0.1, "int8": 0.5}
"""Largest difference by precision: loose enough for random weights, tight enough for a wrong layout, operator or order."""


def difference(model: Convertible, outputs: Sequence[tuple[tuple[int, ...], np.ndarray]]) -> float:
    """Compare outputs with those of ONNX Runtime on this machine.

    Args:
        model: The model, with the inputs that the device made, too.
        outputs: Shape and abridged values of each output, in order.

    Returns:
        Root mean square of the differences relative to that of the values, of the worst output; infinite where the number or the
        shape of the outputs differ, or a value is not finite.
    """
    expected = OnnxRuntime("fp32").load(model.onnx, 1).run(model.sample)
    if [shape for shape, _ in outputs] != [values.shape for values in expected]:
        return float("inf")
    pairs = [(values, abridge(wanted)) for (_, values), wanted in zip(outputs, expected, strict=True)]
    if not all(np.isfinite(values).all() for values, _ in pairs):
        return float("inf")
    return max(float(np.sqrt(np.mean((a - b) ** 2)) / max(np.sqrt(np.mean(b**2)), 1e-12)) for a, b in pairs)
