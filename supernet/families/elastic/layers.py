"""The building blocks of `elastic` as plain torch modules. Each is a slice of the largest one of its kind.

Sources: inverted residuals of MobileNetV3 (Howard et al., 2019), whose activations and squeeze-and-excitation are chosen here; fused
blocks with a dense 3x3 convolution (Gupta and Akin, 2020); pixel-wise correlation (Yan et al., Alpha-Refine, CVPR 2021) and depth-wise
correlation (Li et al., SiamRPN++, CVPR 2019); search features beside the correlation maps as in FEAR (Borsuk et al., ECCV 2022).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from supernet.families.blocks import SeparableConv, SqueezeExcite
from supernet.operators import Operator
from supernet.training.initialise import Normal

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "hswish": F.hardswish}
"""Activation by value of a stage's choice."""
_KERNEL = 3
"""Side of the kernel of the depth-wise correlation, cells."""
_SPACING = {3: 1, 4: 1, 6: 2, 8: 2}
"""Cells of the search features between neighbouring weights of the depth-wise correlation, by side of the template's features."""
_PRESENCE_CHANNELS = 32
"""Number of channels that the presence output looks for its evidence in."""


def build(op: Operator) -> nn.Module:
    """Build the module of an operator, with random weights."""
    into, out, option = op.in_shape[0], op.out_shape[0], op.option
    match op.kind:
        case "stem":
            return Stem(out, str(option["act"]))
        case "fused":
            return FusedBlock(into, out, int(option["expansion"]), str(option["act"]))
        case "separable":
            return SeparableBlock(into, out, int(option["kernel"]), str(option["act"]))
        case "mbconv":
            numbers = (int(option[name]) for name in ("kernel", "expansion", "stride"))
            return InvertedResidual(into, out, *numbers, squeeze=bool(option["se"]), activation=str(option["act"]))
        case "pixelwise8" | "pixelwise16":
            return PixelwiseFusion(into, out, int(option["template"]))
        case "depthwise":
            return DepthwiseFusion(into, out, int(option["template"]))
        case "head":
            return SeparableConv(into, out, int(option["kernel"]))
        case "cls":
            return ClassPrediction(into)
        case "reg":
            return BoxPrediction(into, float(option["unit"]))
        case "presence":
            return PresencePrediction(into)
    raise ValueError(f"elastic has no operator {op.kind!r}")


class Stem(nn.Module):
    """3x3 convolution of stride 2, BatchNorm, activation."""

    def __init__(self, out_channels: int, activation: str):
        super().__init__()
        self.conv = nn.Conv2d(3, out_channels, 3, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return ACTIVATIONS[self.activation](self.bn(self.conv(x)))


class FusedBlock(nn.Module):
    """Dense 3x3 convolution of stride 2 that expands, then a linear 1x1: fast where dense convolutions are, such as on AMX and GPUs."""

    def __init__(self, in_channels: int, out_channels: int, expansion: int, activation: str):
        super().__init__()
        expanded = in_channels * expansion
        self.conv = nn.Conv2d(in_channels, expanded, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(expanded)
        self.conv_pwl = nn.Conv2d(expanded, out_channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.bn2(self.conv_pwl(ACTIVATIONS[self.activation](self.bn1(self.conv(x)))))


class SeparableBlock(nn.Module):
    """Depthwise kxk convolution of stride 2, then a linear 1x1: the cheapest way to half the map."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, activation: str):
        super().__init__()
        self.conv_dw = nn.Conv2d(in_channels, in_channels, kernel, 2, kernel // 2, groups=in_channels, bias=False)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv_pwl = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.bn2(self.conv_pwl(ACTIVATIONS[self.activation](self.bn1(self.conv_dw(x)))))


class InvertedResidual(nn.Module):
    """MBConv: 1x1 expansion, depthwise kxk, squeeze-and-excitation or none, linear 1x1; with a residual connection if the shape stays."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, expansion: int, stride: int, squeeze: bool, activation: str):
        super().__init__()
        expanded = in_channels * expansion
        self.residual = stride == 1 and in_channels == out_channels
        self.conv_pw = nn.Conv2d(in_channels, expanded, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(expanded)
        self.conv_dw = nn.Conv2d(expanded, expanded, kernel, stride, kernel // 2, groups=expanded, bias=False)
        self.bn2 = nn.BatchNorm2d(expanded)
        self.se = SqueezeExcite(expanded) if squeeze else None
        self.conv_pwl = nn.Conv2d(expanded, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        act = ACTIVATIONS[self.activation]
        y = act(self.bn2(self.conv_dw(act(self.bn1(self.conv_pw(x))))))
        y = y if self.se is None else self.se(y)
        y = self.bn3(self.conv_pwl(y))
        return x + y if self.residual else y

    def start(self, normal: Normal) -> None:
        """Make a residual block start as the identity (Goyal et al., 2017), so that deep networks learn as early as shallow ones."""
        if self.residual and isinstance(self.bn3, nn.BatchNorm2d):
            nn.init.zeros_(self.bn3.weight)


class _Fusion(nn.Module):
    """What both fusions share: BatchNorms of both inputs, and the search features themselves, which are added to the correlation."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.bn_template = nn.BatchNorm2d(in_channels)
        self.bn_search = nn.BatchNorm2d(in_channels)
        self.direct = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, search: Tensor, template: Tensor) -> Tensor:
        """Fuse the features of both branches.

        Args:
            search: (B, C, H, W).
            template: (B, C, t, t).

        Returns:
            (B, out_channels, H, W).
        """
        search, template = self.bn_search(search), self.bn_template(template)
        return F.relu(self.bn(self.correlate(search, template) + self.direct(search)))

    def correlate(self, search: Tensor, template: Tensor) -> Tensor:
        """(B, out_channels, H, W) from normalised features."""
        raise NotImplementedError


class PixelwiseFusion(_Fusion):
    """The features at each of the t x t cells of the template are a 1x1 kernel over the search features; the maps are then mixed."""

    def __init__(self, in_channels: int, out_channels: int, template_cells: int):
        super().__init__(in_channels, out_channels)
        # one weight for each cell, laid out as the template is, so that a smaller template takes the weights of the middle cells
        self.mix = nn.Conv2d(1, out_channels, template_cells, bias=False)

    def correlate(self, search: Tensor, template: Tensor) -> Tensor:
        B, C, H, W = search.shape
        maps = torch.matmul(template.reshape(B, C, -1).transpose(1, 2), search.reshape(B, C, H * W)) * C**-0.5
        return F.conv2d(maps.reshape(B, -1, H, W), self.mix.weight.reshape(len(self.mix.weight), -1, 1, 1))

    def start(self, normal: Normal) -> None:
        """Scale the weights by the number of maps that they mix."""
        if isinstance(self.mix, nn.Conv2d):
            normal(self.mix.weight, self.mix.weight[0].numel() ** -0.5)


class DepthwiseFusion(_Fusion):
    """The template, averaged to 3x3 cells, is a kernel over the search features, channel by channel; the channels are then mixed.

    The correlation is written as a sum of nine shifted products, since few runtimes have convolutions whose kernel is an input.
    """

    def __init__(self, in_channels: int, out_channels: int, template_cells: int):
        super().__init__(in_channels, out_channels)
        self.cells = template_cells
        self.mix = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def correlate(self, search: Tensor, template: Tensor) -> Tensor:
        spacing = _SPACING[self.cells]
        kernel = F.avg_pool2d(template, self.cells - (_KERNEL - 1) * spacing, spacing)
        height, width = search.shape[-2:]
        padded = F.pad(search, [spacing] * 4)
        total = None
        for i in range(_KERNEL):
            for j in range(_KERNEL):
                shifted = padded[:, :, i * spacing : i * spacing + height, j * spacing : j * spacing + width]
                product = shifted * kernel[:, :, i : i + 1, j : j + 1]
                total = product if total is None else total + product
        assert total is not None
        return self.mix(total * (1 / _KERNEL))


class ClassPrediction(nn.Module):
    """3x3 convolution: one logit per cell."""

    def __init__(self, in_channels: int):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)

    def start(self, normal: Normal) -> None:
        """Make all logits start near 0."""
        if isinstance(self.conv, nn.Conv2d):
            normal(self.conv.weight, 0.01)


class BoxPrediction(nn.Module):
    """relu(3x3 convolution) times a unit: distances to left, top, right and bottom in pixels, per cell.

    The unit is an eighth of the search crop's side, half of a usual target, so that the same weights serve all sizes of crops.
    """

    def __init__(self, in_channels: int, unit_px: float):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 4, 3, padding=1)
        self.unit_px = unit_px

    def forward(self, x: Tensor) -> Tensor:
        return self.unit_px * F.relu(self.conv(x))

    def start(self, normal: Normal) -> None:
        """Make the predicted distances start at about one unit."""
        if isinstance(self.conv, nn.Conv2d):
            normal(self.conv.weight, 0.01)
            nn.init.ones_(self.conv.bias)  # pyright: ignore[reportArgumentType]


class PresencePrediction(nn.Module):
    """1x1 convolution, the maximum of each channel over all cells, then one logit: is the target in this crop?"""

    def __init__(self, in_channels: int):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, _PRESENCE_CHANNELS, 1, bias=False)
        self.bn = nn.BatchNorm2d(_PRESENCE_CHANNELS)
        self.logit = nn.Conv2d(_PRESENCE_CHANNELS, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.logit(F.adaptive_max_pool2d(F.relu(self.bn(self.conv(x))), 1)).flatten(1)

    def start(self, normal: Normal) -> None:
        """Make the logit start near 0."""
        if isinstance(self.logit, nn.Conv2d):
            normal(self.logit.weight, 0.01)
