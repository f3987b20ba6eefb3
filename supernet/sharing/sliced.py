"""Options as slices of one larger option: each uses the centre of its kernels and its first channels.

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


class SlicedBatchNorm2d(nn.Module):
    """A BatchNorm of the first channels of a larger one, `core`, which owns the parameters and the statistics."""

    def __init__(self, small: nn.BatchNorm2d, core: nn.BatchNorm2d):
        super().__init__()
        self.owner = (core,)  # in a tuple, so that the core's parameters are not registered twice
        self.channels = small.num_features

    @property
    def weight(self) -> Tensor:
        """(channels,), a view of the scales of the core."""
        return self.owner[0].weight[: self.channels]

    @property
    def bias(self) -> Tensor:
        """(channels,), a view of the shifts of the core."""
        return self.owner[0].bias[: self.channels]

    @property
    def running_mean(self) -> Tensor:
        """(channels,), a view of the means of the core."""
        return cast(Tensor, self.owner[0].running_mean)[: self.channels]

    @property
    def running_var(self) -> Tensor:
        """(channels,), a view of the variances of the core."""
        return cast(Tensor, self.owner[0].running_var)[: self.channels]

    @property
    def num_batches_tracked(self) -> Tensor:
        """Number of batches that the core has seen."""
        return cast(Tensor, self.owner[0].num_batches_tracked)

    def forward(self, x: Tensor) -> Tensor:
        core = self.owner[0]
        momentum = cast(float, core.momentum)
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training, momentum, core.eps)


def sliced(option: nn.Module, core: nn.Module, norms: bool = False) -> nn.Module:
    """A module like `option` whose convolutions are slices of those of the same name in `core`.

    Args:
        option: A smaller module of the same kind.
        core: The module that owns the weights.
        norms: Whether BatchNorms are slices as well; else the new module has its own.

    Raises:
        ValueError: A convolution is larger than that of the core.

    >>> core, option = nn.Sequential(nn.Conv2d(4, 4, 5)), nn.Sequential(nn.Conv2d(2, 2, 3))
    >>> sliced(option, core)[0].weight.shape
    torch.Size([2, 2, 3, 3])
    """
    slices: dict[int, nn.Module] = {}
    owners = dict(core.named_modules())
    for name, module in option.named_modules():
        if isinstance(module, nn.Conv2d):
            owner = owners.get(name)
            if not isinstance(owner, nn.Conv2d) or any(a > b for a, b in zip(module.weight.shape, owner.weight.shape, strict=True)):
                raise ValueError("options that are slices must have one that is the largest in every convolution; use --sharing separate")
            slices[id(module)] = SlicedConv2d(module, owner)
        elif norms and isinstance(module, nn.BatchNorm2d):
            slices[id(module)] = SlicedBatchNorm2d(module, cast(nn.BatchNorm2d, core.get_submodule(name)))
    return copy.deepcopy(option, slices)  # which takes a slice for the copy of its convolution


def bare(core: nn.Module) -> nn.Module:
    """Replace the BatchNorms of a module by identities, in place, since slices do not share them; returns the module."""
    for name, module in list(core.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            _replace(core, name, nn.Identity())
    return core


def _replace(root: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(root.get_submodule(parent), child, module)
