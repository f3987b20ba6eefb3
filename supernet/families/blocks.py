"""Blocks of which the networks of several families consist.

Source: squeeze-and-excitation as in MobileNetV3 (Howard et al., 2019); separable layers of heads as in LightTrack (Yan et al., CVPR 2021),
whose parameter names these are.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from supernet.training.initialise import Normal


def make_divisible(value: float, divisor: int = 8) -> int:
    """Round to a multiple of `divisor`, at least `divisor` and never more than 10 % below `value`.

    >>> make_divisible(36), make_divisible(60), make_divisible(4)
    (40, 64, 8)
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def hard_sigmoid(x: Tensor) -> Tensor:
    """relu6(x + 3) / 6."""
    return F.relu6(x + 3.0) / 6.0


class SqueezeExcite(nn.Module):
    """Scale every channel by a gate computed from the means of all channels."""

    def __init__(self, channels: int):
        super().__init__()
        reduced = make_divisible(channels / 4)
        self.conv_reduce = nn.Conv2d(channels, reduced, 1)
        self.conv_expand = nn.Conv2d(reduced, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.conv_expand(F.relu(self.conv_reduce(F.adaptive_avg_pool2d(x, 1))))
        return x * hard_sigmoid(gate)


class SeparableConv(nn.Module):
    """A layer of a head: depthwise kxk, pointwise 1x1, BatchNorm, ReLU (none between the two convolutions)."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, in_channels, kernel, padding=kernel // 2, groups=in_channels, bias=False)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.BN = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.BN(self.pointwise(self.conv1(x))))

    def start(self, normal: Normal) -> None:
        """Make the layer start as the identity plus a little noise, so that eight of them in a row can learn."""
        if isinstance(self.conv1, nn.Conv2d):  # a slice of another layer starts as that layer does
            nn.init.dirac_(self.conv1.weight, groups=self.conv1.groups)
            normal(self.pointwise.weight, 0.02)
            rows = min(self.pointwise.weight.shape[:2])
            with torch.no_grad():
                self.pointwise.weight[range(rows), range(rows)] += 1
