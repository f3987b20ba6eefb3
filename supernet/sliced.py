"""Options that are slices of one larger option: centre of the kernel, first channels, BatchNorm of their own.

Source: kernel and width sharing of Once-for-All (Cai et al., ICLR 2020), without its kernel transform. With few training
steps such options learn together, where options with separate weights each see a fraction of the steps.
"""

import copy
from typing import Literal, cast

from torch import Tensor, nn
from torch.nn import functional as F

Sharing = Literal["separate", "sliced"]
"""`separate`: every option has weights of its own (the paper). `sliced`: options are slices of the largest one."""


class SlicedConv2d(nn.Module):
    """A convolution whose weight is a slice of a larger convolution's, which owns the numbers."""

    def __init__(self, small: nn.Conv2d, core: nn.Conv2d):
        super().__init__()
        self.owner = (core,)  # in a tuple, so that the core's parameters are not registered twice
        self.shape = small.weight.shape
        self.stride, self.padding, self.groups = small.stride, small.padding, small.groups

    @property
    def weight(self) -> Tensor:
        """(out, in / groups, k, k), a view into the core."""
        out, into, kernel, _ = self.shape
        edge = (self.owner[0].kernel_size[0] - kernel) // 2
        return self.owner[0].weight[:out, :into, edge : edge + kernel, edge : edge + kernel]

    @property
    def bias(self) -> Tensor | None:
        """(out,), a view into the core, or None."""
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
    clone = copy.deepcopy(option)  # an option that is the core itself keeps its own convolutions
    for name, module in list(clone.named_modules()):
        if isinstance(module, nn.Conv2d):
            parent, _, child = name.rpartition(".")
            setattr(clone.get_submodule(parent), child, SlicedConv2d(module, cast(nn.Conv2d, core.get_submodule(name))))
    return clone
