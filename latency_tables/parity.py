"""Checks whether a converted model still computes what the ONNX graph computes, so that no wrongly converted network is timed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latency_tables.agent.serving import abridge
from supernet.runtimes.onnxruntime import OnnxRuntime
from supernet.runtimes.runtime import Convertible

TOLERANCES = {"fp32": 1e-3, "fp16": 0.02, "bf16": 0.1, "int8": 0.5}
"""Largest allowed `difference` by precision: random weights stay below it, a wrong layout, operator or order exceeds it."""


def difference(model: Convertible, outputs: Sequence[tuple[tuple[int, ...], np.ndarray]]) -> float:
    """Compare a model's outputs on a device with those of ONNX Runtime on this machine.

    Args:
        model: The model; both sides run it on the inputs `model.sample`.
        outputs: Shape and abridged values (see `serving.abridge`) of each output on the device, in order.

    Returns:
        Root mean square of the differences divided by the root mean square of ONNX Runtime's values, for the output where it is
        largest; infinite if number or shapes of the outputs differ, or a value of the device is not finite.
    """
    expected = OnnxRuntime("fp32").load(model.onnx, 1).run(model.sample)
    if [shape for shape, _ in outputs] != [values.shape for values in expected]:
        return float("inf")
    pairs = [(values, abridge(wanted)) for (_, values), wanted in zip(outputs, expected, strict=True)]
    if not all(np.isfinite(values).all() for values, _ in pairs):
        return float("inf")
    return max(float(np.sqrt(np.mean((a - b) ** 2)) / max(np.sqrt(np.mean(b**2)), 1e-12)) for a, b in pairs)
