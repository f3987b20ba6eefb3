"""The network of one architecture: a plain torch module whose parameters bear LightTrack's official names."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import Tensor, nn

from supernet import layers


class Backbone(layers.Stem):
    """The stem followed by stages of blocks; the last block's output is the feature map."""

    def __init__(self, stem_channels: int, stages: Sequence[Sequence[nn.Module]]):
        super().__init__(stem_channels)
        self.blocks = nn.ModuleList(nn.Sequential(*stage) for stage in stages)

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        for stage in self.blocks:
            x = stage(x)
        return x


class Head(nn.Module):
    """A tower and a prediction for classification, and the same for regression, with weights of its own."""

    def __init__(self, cls_tower: Sequence[nn.Module], cls_width: int, reg_tower: Sequence[nn.Module], reg_width: int):
        super().__init__()
        self.cls_tower = nn.Sequential(*cls_tower)
        self.reg_tower = nn.Sequential(*reg_tower)
        self.cls_perd = layers.ClassPrediction(cls_width)  # the official spelling
        self.reg_pred = layers.BoxPrediction(reg_width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_perd(self.cls_tower(x)), self.reg_pred(self.reg_tower(x))


class TrackingNetwork(nn.Module):
    """Template branch, search branch, their fusion and the two heads.

    `template_backbone` is None while both branches share every number. After per-branch BatchNorm calibration it is a copy
    of `features` with the template's own statistics.
    """

    def __init__(self, features: Backbone, neck: layers.Neck, feature_fusor: layers.FeatureFusor, head: Head):
        super().__init__()
        self.features = features
        self.template_backbone: Backbone | None = None
        self.neck = neck
        self.feature_fusor = feature_fusor
        self.head = head

    def split_branches(self) -> None:
        """Give the template branch a backbone of its own, equal to the search branch's."""
        self.template_backbone = copy.deepcopy(self.features)

    def template(self, image: Tensor) -> Tensor:
        """Template features.

        Args:
            image: (B, 3, h, h) normalised RGB.

        Returns:
            (B, C, h/stride, h/stride), the raw backbone features.
        """
        return (self.template_backbone or self.features)(image)

    def fuse(self, search: Tensor, template_features: Tensor) -> Tensor:
        """Search crop and template features to the heads' input (B, fused, H, W)."""
        return self.feature_fusor(self.neck.BN_z(template_features), self.neck.BN_x(self.features(search)))

    def search(self, image: Tensor, template_features: Tensor) -> tuple[Tensor, Tensor]:
        """Find the template in a search crop.

        Args:
            image: (B, 3, s, s) normalised RGB.
            template_features: What `template` returned.

        Returns:
            cls (B, 1, H, W) logits and reg (B, 4, H, W) distances to left, top, right and bottom in pixels.
        """
        return self.head(self.fuse(image, template_features))

    def forward(self, template: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
        return self.search(search, self.template(template))
