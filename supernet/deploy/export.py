"""The verb `export`: makes a bundle from a checkpoint, and checks its graphs against torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch

from supernet.catalogue import find_architecture, find_family
from supernet.checkpoints import TrackerCheckpoint, load_tracker
from supernet.deploy.bundle import Bundle, RuntimeGraphs, save_bundle
from supernet.deploy.model import Model
from supernet.deploy.torch_graphs import TorchGraphs
from supernet.families.family import GraphSpec
from supernet.runtimes import RUNTIMES
from supernet.runtimes.runtime import sample
from tracking.files.guard import Reads, Writes, guarded

TOLERANCE = 1e-4
"""Largest difference between the runtime and torch that an export may show, as a share of the largest value."""
FORMATS = {"onnx": "onnxruntime"}
"""Runtime that takes a format, by the name of the format on the command line."""


@guarded
def export(model: Annotated[str, Reads()], *, out: Annotated[Path, Writes(folder=True)], format: str = "onnx") -> dict:
    """Write the graphs that a device runs, checked against torch.

    Args:
        model: Checkpoint of a tracker; or an architecture, which is exported with random weights, for timing.
        out: Folder to make; it may not exist yet. Receives template.onnx, search.onnx (and one more graph where small targets
            are searched in a larger crop) and tracker.json.
        format: Format of the graphs: onnx.
    """
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r:.80}; choose another --format")
    is_checkpoint = model.endswith(".safetensors") or (Path(model).is_file() and not model.endswith(".json"))
    checkpoint = load_tracker(Path(model)) if is_checkpoint else _random(model)
    return write_bundle(checkpoint, out, FORMATS[format])


def write_bundle(checkpoint: TrackerCheckpoint, out: Path, runtime: str = "onnxruntime") -> dict:
    """Write a bundle; the folder appears whole or not at all.

    Args:
        checkpoint: The tracker.
        out: Folder to make; it may not exist yet.
        runtime: Name in `RUNTIMES` of the runtime that will run the graphs.

    Returns:
        `out`, the names of the files, and the largest difference from torch as a share of an output's largest value.

    Raises:
        FileExistsError: The folder exists.
        ArithmeticError: A graph disagrees with torch by more than `TOLERANCE`.
    """
    network = checkpoint.network.eval()
    specs = find_family(checkpoint.architecture.family).graphs(checkpoint.architecture, checkpoint.settings)
    precision = RUNTIMES[runtime].precisions[0]
    prepare = RUNTIMES[runtime](precision).prepare
    graphs = {spec.name: prepare(_model(spec, network)) for spec in specs}
    bundle = Bundle(checkpoint.architecture, checkpoint.tracker, checkpoint.settings, graphs, runtime, precision)
    difference = _largest_difference(RuntimeGraphs.load(bundle), TorchGraphs(network, specs), specs)
    if not difference <= TOLERANCE:
        raise ArithmeticError(
            f"an exported graph must agree with torch to {TOLERANCE}, this one differs by {difference:.2e}; please report the architecture"
        )
    return {"out": str(out), "files": save_bundle(bundle, out), "largest_difference": difference}


def _model(spec: GraphSpec, network: torch.nn.Module) -> Model:
    return Model(spec.name, lambda: spec.module(network), spec.inputs, spec.outputs)


def _random(model: str) -> TrackerCheckpoint:
    arch = find_architecture(model)
    family = find_family(arch.family)
    torch.manual_seed(0)
    return TrackerCheckpoint(family.network(arch), arch, family.tracker, family.settings_of(arch))


def _largest_difference(ours: RuntimeGraphs, theirs: TorchGraphs, specs: tuple[GraphSpec, ...]) -> float:
    """Largest difference between the outputs of two ways to run the graphs, on random inputs.

    It is relative to the largest value of each output, and NaN if some value is NaN.
    """
    given: dict[str, Any] = {}
    differences = []
    for spec in specs:
        # an input that is an output of another graph takes the value from there
        inputs = {name: given.get(name, value) for name, value in sample(spec.inputs).items()}
        expected = theirs.run(spec.name, {name: torch.as_tensor(value) for name, value in inputs.items()})
        for name, a, b in zip(spec.outputs, ours.run(spec.name, inputs), map(np.asarray, expected), strict=True):
            given[name] = b
            differences.append(np.abs(np.asarray(a) - b).max() / max(np.abs(b).max(), 1e-6))
    return float(np.max(differences))  # NumPy's maximum is NaN if a value is
