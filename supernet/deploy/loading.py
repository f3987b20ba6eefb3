"""Loads a trained tracker from a checkpoint, which torch runs, or from a bundle, which a runtime runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from supernet.catalogue import find_family
from supernet.deploy.bundle import load_bundle
from supernet.space import Architecture
from tracking.trackers import TRACKERS, Procedure, Settings

_ONE_RUN = 4
"""Number of targets that ONNX Runtime is given at once: more bring nothing, and waste more where targets are missing."""


def loader(model: str, device: str = "cpu", batch: int = 1) -> tuple[Procedure, Callable[[], Procedure]]:
    """Load a tracker, and make what loads it in other processes; see `load_for_tracking`.

    Returns:
        The tracker, and a function that can be pickled and takes as little time as it can there.
    """
    tracker: Any = load_for_tracking(model, device, batch=batch)
    if batch > 1 and device == "cpu" and not Path(model).is_dir():
        return tracker, partial(_itself, tracker)  # its graphs are exported already
    return tracker, partial(load_for_tracking, model, device, batch=batch)


def _itself(tracker: Procedure) -> Procedure:
    return tracker


def load_for_tracking(model: str, device: str = "cpu", changes: Mapping[str, float] | None = None, batch: int = 1) -> Procedure:
    """Load a tracker from a checkpoint file or a bundle folder, ready to track.

    Args:
        model: Path of the checkpoint or bundle.
        device: Torch device that runs a checkpoint.
        changes: Settings, by name, that replace those which are stored with the model.
        batch: Number of targets that will be tracked at once. Any tracker tracks several; but if there is more than one, ONNX Runtime runs a
            checkpoint on a CPU, which takes a third of torch's time. Boxes are then to the last bit those of the exported bundle; torch's
            differ in the last digits, and so after some frames by pixels where the tracker is unsure.

    Raises:
        FileNotFoundError: There is nothing at that path, or a file of the bundle is missing.
        ValueError: A file is damaged, a setting is unknown or out of range, a bundle has no graph for a changed size, or a bundle is to run
            on a torch device other than the CPU.
        ImportError: The runtime of a bundle is not installed.
    """
    path = Path(model)
    if not path.is_dir():
        return _of_checkpoint(path, device, changes or {}, batch)
    if device != "cpu":
        raise ValueError(f"--device is for checkpoints, which torch runs, {model} is a bundle and got {device}; leave it out")
    bundle, graphs = load_bundle(path)
    settings = _changed(bundle.settings, changes or {}, model)
    asked = find_family(bundle.architecture.family).graphs(bundle.architecture, settings)
    have = {spec.name: spec.inputs for spec in bundle.specs}
    named = {spec.name: next((name for name, inputs in have.items() if inputs == spec.inputs), None) for spec in asked}
    if None in named.values():
        sizes = ", ".join(map(str, (bundle.settings.search_size, *bundle.settings.further_search_sizes)))
        wanted = ", ".join(map(str, (settings.search_size, *settings.further_search_sizes)))
        raise ValueError(f"search size must be one that the bundle has a graph for ({sizes}), got {wanted}; track the checkpoint")
    graphs = graphs.renamed({new: str(old) for new, old in named.items()})
    return TRACKERS[bundle.tracker][1](graphs, settings)


def architecture_of(model: str) -> Architecture:
    """The architecture of a checkpoint or bundle.

    Raises:
        FileNotFoundError, ValueError, ImportError: As for `load_for_tracking`.
    """
    if Path(model).is_dir():
        return load_bundle(Path(model))[0].architecture
    from supernet.checkpoints import load_tracker

    return load_tracker(Path(model)).architecture


def _of_checkpoint(path: Path, device: str, changes: Mapping[str, float], batch: int) -> Procedure:
    from supernet.checkpoints import load_tracker  # torch takes seconds to import, and a bundle needs none
    from supernet.deploy.batched_graphs import BatchedGraphs
    from supernet.deploy.torch_graphs import TorchGraphs

    checkpoint = load_tracker(path)
    settings = _changed(checkpoint.settings, changes, str(path))
    specs = find_family(checkpoint.architecture.family).graphs(checkpoint.architecture, settings)
    if batch > 1 and device == "cpu":
        graphs = BatchedGraphs(checkpoint.network, specs, min(batch, _ONE_RUN))
    else:
        graphs = TorchGraphs(checkpoint.network, specs, device)
    return TRACKERS[checkpoint.tracker][1](graphs, settings)


def _changed(settings: Any, changes: Mapping[str, float], model: str) -> Settings:
    unknown = changes.keys() - {field.name for field in fields(settings)}
    if unknown:
        raise ValueError(f"a tracker's settings must be its own, {model} has no {', '.join(sorted(unknown))}; leave them out")
    return replace(settings, **changes)
