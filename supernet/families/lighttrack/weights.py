"""Loads official LightTrack weights into a network: their names, and what must be changed in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from tracking.trackers.siamese import SiameseSettings

_FIXED = {
    "backbone.0.": "features.",
    "fusion.neck.": "neck.",
    "fusion.feature_fusor.": "feature_fusor.",
}
"""Prefixes of our tensor names, and the official prefixes that stand in their place."""
_SHOWN = 3
"""Most tensors of a kind that an error names."""
_PREDICTIONS = {"cls": "head.cls_perd.", "reg": "head.reg_pred."}
"""Official prefix of the prediction layer of each head; the misspelling `perd` is theirs."""


def public_settings(settings: SiameseSettings) -> SiameseSettings:
    """A family's settings, but with the public tracker's crops of whole pixels, with which the official weights were trained."""
    return replace(settings, aligned=False)


def official_name(name: str, layers: Sequence[int]) -> str:
    """Official name of a tensor of one of our networks.

    Args:
        name: Name of the tensor in the state dict of our network.
        layers: Number of blocks of each stage of the family.

    >>> official_name("backbone.4.conv_pw.weight", [2, 4, 4, 4])
    'features.blocks.2.0.conv_pw.weight'
    >>> official_name("heads.cls.2.conv1.weight", [2, 4, 4, 4])
    'head.cls_tower.2.conv1.weight'
    >>> official_name("heads.cls.7.cls_pred.bias", [2, 4, 4, 4])
    'head.cls_perd.cls_pred.bias'
    """
    for ours, theirs in _FIXED.items():
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    if match := re.fullmatch(r"backbone\.(\d+)\.(.+)", name):
        stage, position = 0, int(match[1]) - 1
        for size in (1, *layers):
            if position < size:
                break
            stage, position = stage + 1, position - size
        return f"features.blocks.{stage}.{position}.{match[2]}"
    match = re.fullmatch(r"heads\.(cls|reg)\.(\d+)\.(.+)", name)
    assert match, f"{name} has no official name"
    if match[3].startswith(("cls_pred", "bbox_pred")):
        return _PREDICTIONS[match[1]] + match[3]
    return f"head.{match[1]}_tower.{match[2]}.{match[3]}"


def load_official(network: nn.Module, tensors: Mapping[str, Tensor], layers: Sequence[int], source: str) -> None:
    """Copy official weights into a network; every tensor must have its counterpart on the other side.

    A BatchNorm with mean 0 and variance 1 in all channels was folded into its convolution. Its variance is set to 1 - epsilon, so that it
    divides by exactly 1.

    Args:
        network: Network of a LightTrack family; filled in place.
        tensors: Official weights by official name; BatchNorms' counters of batches may be missing.
        layers: Number of blocks of each stage of the family.
        source: Where the weights come from, for the error message.

    Raises:
        ValueError: Tensors are missing, surplus, of another shape, or not finite; they are named, many of a kind by their number.
    """
    own = {official_name(name, layers): (name, tensor) for name, tensor in network.state_dict().items()}
    missing = [name for name in own if name not in tensors and not name.endswith("num_batches_tracked")]
    surplus = [name for name in tensors if name not in own]
    shapes = [f"{n} {tuple(t.shape)} for {tuple(own[n][1].shape)}" for n, t in tensors.items() if n in own and t.shape != own[n][1].shape]
    odd = [name for name, tensor in tensors.items() if not _is_plain(tensor)]
    if missing or surplus or shapes or odd:
        faults = (("missing", missing), ("surplus", surplus), ("other shape", shapes), ("not finite real numbers", odd))
        listed = "; ".join(f"{what}: {_listed(names)}" for what, names in faults if names)
        raise ValueError(f"weights must fit the architecture exactly, {source} does not ({listed}); check --architecture")
    given = {own[name][0]: tensor for name, tensor in tensors.items()}
    network.load_state_dict({**network.state_dict(), **given})
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None:
            if not norm.running_mean.any() and bool((norm.running_var == 1).all()):
                norm.running_var.fill_(1 - norm.eps)


def _listed(names: Sequence[str]) -> str:
    """The names of a few tensors; of many the first and how many more there are."""
    shown = names if len(names) <= _SHOWN else names[:1]
    return ", ".join(shown) + (f" and {len(names) - 1} more" if len(names) > _SHOWN else "")


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is dense, lies in the CPU's memory, and holds finite real numbers."""
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu" and not (tensor.is_quantized or tensor.is_complex())
    return plain and bool(torch.isfinite(tensor).all())
