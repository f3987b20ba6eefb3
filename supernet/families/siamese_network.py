"""The network of siamese families: one backbone for template and search region, their fusion, and two heads."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from torch import Tensor, nn

from supernet.slots import Slot


class SiameseNetwork(nn.Module):
    """Template branch, search branch, their fusion and the two heads.

    `template_backbone` is None while both branches share every number. After per-branch BatchNorm calibration it is a copy
    of `backbone` with the template's own statistics.
    """

    def __init__(self, backbone: Iterable[nn.Module], fusion: nn.Module, cls: Iterable[nn.Module], reg: Iterable[nn.Module]):
        """Take the modules in the order of execution; `fusion` takes search features first and template features second."""
        super().__init__()
        self.backbone = nn.Sequential(*backbone)
        self.template_backbone: nn.Sequential | None = None
        self.fusion = fusion
        self.heads = nn.ModuleDict({"cls": nn.Sequential(*cls), "reg": nn.Sequential(*reg)})

    @property
    def is_split(self) -> bool:
        """Whether the template branch has a backbone of its own."""
        return self.template_backbone is not None

    def split_branches(self) -> None:
        """Give the template branch a backbone of its own, equal to the search branch's."""
        self.template_backbone = copy.deepcopy(self.backbone)

    def template(self, image: Tensor) -> Tensor:
        """Template features.

        Args:
            image: (B, 3, h, h) normalised RGB.

        Returns:
            (B, C, h/stride, h/stride), the raw backbone features.
        """
        return (self.template_backbone or self.backbone)(image)

    def fuse(self, search: Tensor, template_features: Tensor) -> Tensor:
        """Search crop and template features to the heads' input (B, fused, H, W)."""
        return self.fusion(self.backbone(search), template_features)

    def search(self, image: Tensor, template_features: Tensor) -> tuple[Tensor, Tensor]:
        """Find the template in a search crop.

        Args:
            image: (B, 3, s, s) normalised RGB.
            template_features: What `template` returned.

        Returns:
            cls (B, 1, H, W) logits and reg (B, 4, H, W) distances to left, top, right and bottom in pixels.
        """
        fused = self.fuse(image, template_features)
        return self.heads["cls"](fused), self.heads["reg"](fused)

    def forward(self, template: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
        return self.search(search, self.template(template))


class SearchGraph(nn.Module):
    """A network as it is asked on every frame."""

    def __init__(self, network: SiameseNetwork):
        super().__init__()
        self.network = network

    def forward(self, search: Tensor, template_features: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.search(search, template_features)


class TemplateGraph(nn.Module):
    """A network as it is asked once for each target."""

    def __init__(self, network: SiameseNetwork):
        super().__init__()
        self.network = network

    def forward(self, template: Tensor) -> Tensor:
        return self.network.template(template)


def assemble(filled: Iterable[tuple[Slot, nn.Module]]) -> SiameseNetwork:
    """A network of the modules that stand in the slots of the search branch."""
    parts: dict[str, list[nn.Module]] = {}
    for slot, module in filled:
        parts.setdefault(slot.part, []).append(module)
    (fusion,) = parts["fusion"]
    return SiameseNetwork(parts["backbone"], fusion, parts["heads.cls"], parts["heads.reg"])
