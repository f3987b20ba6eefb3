"""The verb `import`: turns weights that somebody else trained into a chiptrack checkpoint."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from supernet.catalogue import find_architecture, find_family
from supernet.checkpoints import TrackerCheckpoint, save_tracker
from tracking.files.atomic import check_target


def import_weights(weights: Path, *, architecture: str, out: Path) -> dict:
    """Turn official weights into the checkpoint of a tracker, with the family's constants and the public tracker's way of cropping.

    Args:
        weights: A .pth file of tensors by their official parameter names, at the top level or in an entry `state_dict`.
        architecture: Official name, preset, FAMILY:SPELLING or architecture .json file that the weights belong to.
        out: Checkpoint to write.
    """
    check_target(out, weights)
    arch = find_architecture(architecture)
    family = find_family(arch.family)
    network, settings = family.import_weights(arch, read_state_dict(weights), str(weights))
    save_tracker(out, TrackerCheckpoint(network, arch, family.tracker, settings), {"imported_from": weights.name})
    return {"checkpoint": str(out), "architecture": arch.name, "tensors": len(network.state_dict())}


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a torch file of tensors without running any code that it may carry.

    Returns:
        Tensors by name; the prefix `module.`, which training on several GPUs leaves, is removed.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or holds anything but named tensors.
    """
    if not path.is_file():
        raise FileNotFoundError(f"official weights must be a file, {path} is none; check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # warnings about the age of the file do not matter if it can be read
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
