"""Options as slices of one larger option: each uses the centre of its kernels and its first channels, and has BatchNorms of its own.

Source: kernel and width sharing of Once-for-All (Cai et al., ICLR 2020), without its kernel transform. Sliced options learn in every
training step together, whereas each of several options with separate weights sees only a fraction of the steps.
"""

import copy
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F


class SlicedConv2d(nn.Module):
    """A convolution whose weight is a slice of the weight of a larger convolution, `core`, which owns the parameters."""

    def __init__(self, small: nn.Conv2d, core: nn.Conv2d):
        super().__init__()
        self.owner = (core,)  # in a tuple, so that the core's parameters are not registered twice
        self.shape = small.weight.shape
        self.stride, self.padding, self.groups = small.stride, small.padding, small.groups

    @property
    def weight(self) -> Tensor:
        """(out, in / groups, k, k), a view of the weight of the core."""
        out, into, kernel, _ = self.shape
        edge = (self.owner[0].kernel_size[0] - kernel) // 2
        return self.owner[0].weight[:out, :into, edge : edge + kernel, edge : edge + kernel]

    @property
    def bias(self) -> Tensor | None:
        """(out,), a view of the bias of the core; None if the core has no bias."""
        bias = self.owner[0].bias
        return None if bias is None else bias[: self.shape[0]]

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, 1, self.groups)


def sliced(option: nn.Module, core: nn.Module) -> nn.Module:
    """A module like `option` whose convolutions are slices of those of the same name in `core`.

    >>> core, option = nn.Sequential(nn.Conv2d(4, 4, 5)), nn.Sequential(nn.Conv2d(2, 2, 3))
    >>> sliced(option, core)[0].weight.shape
    torch.Size([2, 2, 3, 3])
    """
    convolutions = {name: module for name, module in option.named_modules() if isinstance(module, nn.Conv2d)}
    slices = {id(module): SlicedConv2d(module, cast(nn.Conv2d, core.get_submodule(name))) for name, module in convolutions.items()}
    return copy.deepcopy(option, slices)  # which takes a slice for the copy of its convolution


def bare(core: nn.Module) -> nn.Module:
    """Replace the BatchNorms of a module by identities, in place, since slices do not share them; returns the module."""
    for name, module in list(core.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            _replace(core, name, nn.Identity())
    return core


def largest(options: list[nn.Module]) -> nn.Module:
    """The option that all others are slices of.

    Raises:
        ValueError: No option is at least as large as all others in every one of their convolutions.
    """
    sizes = [{n: m.weight.shape for n, m in option.named_modules() if isinstance(m, nn.Conv2d)} for option in options]
    for option, size in zip(options, sizes, strict=True):
        if all(name in size and all(b >= a for a, b in zip(other[name], size[name], strict=True)) for other in sizes for name in other):
            return option
    raise ValueError("options that are slices must have one that is the largest in every convolution; use --sharing separate")


def _replace(root: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(root.get_submodule(parent), child, module)
