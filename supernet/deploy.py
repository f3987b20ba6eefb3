"""A trained tracker, ready to track, from whatever holds it: a checkpoint (torch) or a bundle (ONNX Runtime)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from supernet.bundle import OnnxNetwork, load_bundle
from supernet.checkpoints import load_tracker
from supernet.inference import TorchNetwork
from tracking.trackers.siamese import SiameseTracker


def load_for_tracking(model: str, *, device: str = "cpu", **overrides: float | None) -> SiameseTracker:
    """Open a checkpoint file or a bundle folder.

    Args:
        model: Path of either.
        device: Torch device for a checkpoint.
        overrides: Fields of `SiameseSettings` that replace what the file carries; None leaves them.

    Raises:
        FileNotFoundError: There is nothing at that path.
        ValueError: The file is damaged, or an override is out of range.
    """
    path = Path(model)
    if path.is_dir():
        network, settings = load_bundle(path)
    else:
        checkpoint = load_tracker(path)
        network, settings = TorchNetwork(checkpoint.network, device), checkpoint.settings
    settings = replace(settings, **{name: value for name, value in overrides.items() if value is not None})
    if isinstance(network, OnnxNetwork):
        for size in (settings.search_size, settings.small_target_size):
            if size not in network.sizes:
                sizes = ", ".join(map(str, network.sizes))
                raise ValueError(f"search size must be one that the bundle has a graph for ({sizes}), got {size}; track the checkpoint")
    return SiameseTracker(network, settings)
