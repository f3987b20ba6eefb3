"""Exports a torch module as an ONNX graph."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

OPSET = 17
"""ONNX operator set: new enough for every operator here, old enough for the converters of mobile runtimes."""


def to_onnx(module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> bytes:
    """Export a module with fixed shapes; BatchNorms that follow a convolution are folded into it.

    Args:
        module: Module that takes the inputs in order; it is put into eval mode.
        inputs: Example tensors by name; their shapes become the graph's.
        outputs: Names of the outputs.

    Returns:
        The serialised ONNX model.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # dynamo=False: this exporter needs no onnxscript and is about six times as fast on these graphs
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # pyright: ignore[reportPrivateImportUsage]
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            buffer,  # pyright: ignore[reportArgumentType]
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=OPSET,
            dynamo=False,
        )
    return buffer.getvalue()
