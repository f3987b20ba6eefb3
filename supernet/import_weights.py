"""The verb `import`: turns weights that somebody else trained into a chiptrack checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from torch import Tensor

from supernet.catalogue import find_architecture, find_family
from supernet.checkpoints import TrackerCheckpoint, save_tracker
from supernet.torch_files import load_torch
from tracking.files.guard import Reads, Writes, guarded

_ENTRIES = ("state_dict", "net", "model", "ema")
"""Names under which files of weights keep those of the network."""
_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "network.", "tracker.")
"""Prefixes that wrappers of networks add to all names."""


@guarded
def import_weights(weights: Annotated[Path, Reads()], *, architecture: Annotated[str, Reads()], out: Annotated[Path, Writes()]) -> dict:
    """Turn official weights into the checkpoint of a tracker, with the family's constants and the public tracker's way of cropping.

    Args:
        weights: A .pth file of tensors by their official parameter names, at the top level or in an entry `state_dict`, `net`, `model` or
            `ema`; prefixes that wrappers add to all names are removed.
        architecture: Official name, preset, FAMILY:SPELLING or architecture .json file that the weights belong to.
        out: Checkpoint to write.
    """
    arch = find_architecture(architecture)
    family = find_family(arch.family)
    network, settings = family.import_weights(arch, read_state_dict(weights), str(weights))
    save_tracker(out, TrackerCheckpoint(network, arch, family.tracker, settings), {"imported_from": weights.name})
    return {"checkpoint": str(out), "architecture": arch.name, "tensors": len(network.state_dict())}


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a torch file of tensors without running any code that it may carry.

    Returns:
        Tensors by name, without prefixes of wrappers, such as `module.`, which training on several GPUs leaves, or `_orig_mod.`, which
        torch.compile leaves.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or holds anything but named tensors, or several networks.
    """
    if not path.is_file():
        raise FileNotFoundError(f"official weights must be a file, {path} is none; check the path")
    try:
        content = load_torch(path)
    except ValueError as err:
        raise ValueError(
            f"official weights must be a torch file of tensors alone, {path} is none: {err}; save its state_dict anew"
        ) from err
    tensors = _tensors(content, path)
    while wrapper := next((each for each in _WRAPPERS if tensors and all(name.startswith(each) for name in tensors)), None):
        tensors = {name.removeprefix(wrapper): tensor for name, tensor in tensors.items()}
    return tensors


def _tensors(content: object, path: Path) -> dict[str, Tensor]:
    """The named tensors of a file's content, at the top level or in the one entry that holds a network."""
    if isinstance(content, Mapping):
        inner = [name for name in _ENTRIES if isinstance(content.get(name), Mapping)]
        if len(inner) > 1:
            raise ValueError(f"official weights must be of one network, {path} holds {' and '.join(inner)}; save one of them alone")
        if inner:
            return _tensors(content[inner[0]], path)
        if content and all(isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()):
            return dict(content)
        others = ", ".join(f"{name!s:.40}" for name, value in [*content.items()][:5] if not isinstance(value, Tensor))
        held = f"a dictionary with {others or 'nothing'}"
    else:
        held = f"a {type(content).__name__}"
    raise ValueError(f"official weights must map names to tensors, {path} holds {held}; save the network's state_dict anew")
