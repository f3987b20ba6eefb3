"""Official LightTrack weights as a chiptrack checkpoint."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from supernet.catalogue import find_architecture
from supernet.checkpoints import TrackerCheckpoint, save_tracker
from supernet.families import FAMILIES, LightTrackFamily
from supernet.network import TrackingNetwork
from tracking.atomic import check_target
from tracking.trackers.siamese import SiameseSettings


def import_official(weights: Path, *, architecture: str, out: Path) -> dict:
    """Turn official weights into a checkpoint that tracks with LightTrack's VOT2019 constants.

    Args:
        weights: A .pth file of tensors under the official parameter names, plain or in a `state_dict` entry.
        architecture: Official name, preset or architecture .json file that the weights belong to.
        out: Checkpoint to write.
    """
    check_target(out, weights)
    arch = find_architecture(architecture)
    family = FAMILIES[arch.family]
    network = family.network(arch)
    load_official(network, read_state_dict(weights), str(weights))
    save_tracker(out, TrackerCheckpoint(network, arch, public_settings(family)), {"imported_from": weights.name})
    return {"checkpoint": str(out), "architecture": arch.name, "tensors": len(network.state_dict())}


def public_settings(family: LightTrackFamily) -> SiameseSettings:
    """A family's constants with the public tracker's crops of whole pixels, which its weights were trained with."""
    return replace(family.tracker, aligned=False)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a torch file of tensors without running any code that it may carry.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or holds anything but named tensors.
    """
    if not path.is_file():
        raise FileNotFoundError(f"official weights must be a file, {path} is none; check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a pickle's age; whether it can be read is what counts
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError) as err:
        raise ValueError(
            f"official weights must be a torch file of tensors alone, {path} is damaged or holds more; save its state_dict anew"
        ) from err
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise ValueError(f"official weights must map names to tensors, {path} does not; save its state_dict anew")
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}


def load_official(network: TrackingNetwork, tensors: Mapping[str, Tensor], source: str) -> None:
    """Fill a network; every tensor must have its place, and every place its tensor.

    A BatchNorm whose mean is 0 and variance 1 throughout was folded into its convolution; it becomes the exact identity, which
    it would miss by its epsilon.

    Raises:
        ValueError: Tensors are missing, surplus, of another shape, or not finite; all are named.
    """
    own = network.state_dict()
    missing = [name for name in own if name not in tensors and not name.endswith("num_batches_tracked")]
    surplus = [name for name in tensors if name not in own]
    shapes = [f"{n} {tuple(t.shape)} for {tuple(own[n].shape)}" for n, t in tensors.items() if n in own and t.shape != own[n].shape]
    odd = [name for name, tensor in tensors.items() if not _is_plain(tensor)]
    if missing or surplus or shapes or odd:
        listed = "; ".join(
            f"{what}: {', '.join(names)}"
            for what, names in (("missing", missing), ("surplus", surplus), ("other shape", shapes), ("not finite real numbers", odd))
            if names
        )
        raise ValueError(f"weights must fit the architecture exactly, {source} does not ({listed}); check --architecture")
    network.load_state_dict({**own, **tensors})
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None:
            if not norm.running_mean.any() and bool((norm.running_var == 1).all()):
                norm.running_var.fill_(1 - norm.eps)


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is dense, in memory, and holds finite real numbers."""
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu" and not (tensor.is_quantized or tensor.is_complex())
    return plain and bool(torch.isfinite(tensor).all())
