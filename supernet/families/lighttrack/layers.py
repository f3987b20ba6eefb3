"""The building blocks of LightTrack as plain torch modules, with the parameter names of the official weights.

Source: Yan et al., LightTrack, CVPR 2021 (arXiv 2104.14545); blocks of MobileNetV3 (Howard et al., 2019). Rewritten;
checked against outputs of the public model code by tests/test_parity_networks.py.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from supernet.families.blocks import SeparableConv, SqueezeExcite
from supernet.operators import Operator
from supernet.training.initialise import Normal


def build(op: Operator) -> nn.Module:
    """Build the module of an operator, with random weights."""
    channels, option = op.in_shape[0], {name: int(value) for name, value in op.options}
    match op.kind:
        case "stem":
            return Stem(op.out_shape[0])
        case "dsconv":
            return DepthwiseSeparable(channels)
        case "mbconv":
            return InvertedResidual(channels, op.out_shape[0], option["kernel"], option["expansion"], option["stride"])
        case "join":
            return Fusion(Neck(channels), FeatureFusor(option["template"] ** 2, op.out_shape[0]))
        case "head":
            return SeparableConv(channels, op.out_shape[0], option["kernel"])
        case "cls":
            return ClassPrediction(channels)
        case "reg":
            return BoxPrediction(channels)
    raise ValueError(f"LightTrack has no operator {op.kind!r}")


class Stem(nn.Module):
    """3x3 convolution of stride 2, BatchNorm, Swish."""

    def __init__(self, out_channels: int):
        super().__init__()
        self.conv_stem = nn.Conv2d(3, out_channels, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.bn1(self.conv_stem(x)))


class DepthwiseSeparable(nn.Module):
    """First block of the backbone: depthwise 3x3 with squeeze-and-excitation, then a linear 1x1, with a residual connection."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv_dw = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.se = SqueezeExcite(channels)
        self.conv_pw = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.se(F.silu(self.bn1(self.conv_dw(x))))
        return x + self.bn2(self.conv_pw(y))


class InvertedResidual(nn.Module):
    """MBConv: 1x1 expansion, depthwise kxk with squeeze-and-excitation, linear 1x1; with a residual connection if the shape stays."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, expansion: int, stride: int):
        super().__init__()
        expanded = in_channels * expansion
        self.residual = stride == 1 and in_channels == out_channels
        self.conv_pw = nn.Conv2d(in_channels, expanded, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(expanded)
        self.conv_dw = nn.Conv2d(expanded, expanded, kernel, stride, kernel // 2, groups=expanded, bias=False)
        self.bn2 = nn.BatchNorm2d(expanded)
        self.se = SqueezeExcite(expanded)
        self.conv_pwl = nn.Conv2d(expanded, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.silu(self.bn1(self.conv_pw(x)))
        y = self.se(F.silu(self.bn2(self.conv_dw(y))))
        y = self.bn3(self.conv_pwl(y))
        return x + y if self.residual else y

    def start(self, normal: Normal) -> None:
        """Make a residual block start as the identity (Goyal et al., 2017), so that deep networks learn as early as shallow ones."""
        if self.residual and isinstance(self.bn3, nn.BatchNorm2d):
            nn.init.zeros_(self.bn3.weight)


class ChannelAttention(nn.Module):
    """Global mean, two 1x1 convolutions without reduction, sigmoid gate."""

    def __init__(self, channels: int):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels, 1)
        self.fc2 = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1)))))


class PixelwiseCorrelation(nn.Module):
    """Use the features at each position of the template as a 1x1 kernel over the search features; channel attention weighs the maps."""

    def __init__(self, template_cells: int):
        super().__init__()
        self.CA_layer = ChannelAttention(template_cells)

    def forward(self, template: Tensor, search: Tensor) -> Tensor:
        B, C, H, W = search.shape
        maps = torch.matmul(template.reshape(B, C, -1).transpose(1, 2), search.reshape(B, C, H * W))
        return self.CA_layer(maps.reshape(B, -1, H, W))


class Neck(nn.Module):
    """Holds a BatchNorm for template features and one for search features."""

    def __init__(self, channels: int):
        super().__init__()
        self.BN_z = nn.BatchNorm2d(channels)
        self.BN_x = nn.BatchNorm2d(channels)


class FeatureFusor(nn.Module):
    """Pixel-wise correlation, then a 1x1 convolution to the number of channels that the heads take."""

    def __init__(self, template_cells: int, out_channels: int):
        super().__init__()
        self.pw_corr = PixelwiseCorrelation(template_cells)
        self.adj_layer = nn.Conv2d(template_cells, out_channels, 1)

    def forward(self, template: Tensor, search: Tensor) -> Tensor:
        return self.adj_layer(self.pw_corr(template, search))


class Fusion(nn.Module):
    """BatchNorms and fusion of the two branches; takes search features first and template features second."""

    def __init__(self, neck: Neck, feature_fusor: FeatureFusor):
        super().__init__()
        self.neck = neck
        self.feature_fusor = feature_fusor

    def forward(self, search: Tensor, template: Tensor) -> Tensor:
        return self.feature_fusor(self.neck.BN_z(template), self.neck.BN_x(search))


class ClassPrediction(nn.Module):
    """0.1 * 3x3 convolution: one logit per cell."""

    def __init__(self, in_channels: int):
        super().__init__()
        self.cls_pred = nn.Conv2d(in_channels, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return 0.1 * self.cls_pred(x)

    def start(self, normal: Normal) -> None:
        """Draw weights with ten times the usual deviation of 0.01, because the output is multiplied by 0.1."""
        if isinstance(self.cls_pred, nn.Conv2d):
            normal(self.cls_pred.weight, 0.1)


class BoxPrediction(nn.Module):
    """16 * relu(3x3 convolution): distances to left, top, right and bottom in pixels, per cell."""

    def __init__(self, in_channels: int):
        super().__init__()
        self.bbox_pred = nn.Conv2d(in_channels, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return 16.0 * F.relu(self.bbox_pred(x))

    def start(self, normal: Normal) -> None:
        """Make the predicted distances start at about 16 px to each side."""
        if isinstance(self.bbox_pred, nn.Conv2d):
            normal(self.bbox_pred.weight, 0.01)
            nn.init.ones_(self.bbox_pred.bias)  # pyright: ignore[reportArgumentType]
