"""The network of siamese families: one backbone for template and search region, their fusion, and the heads."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from supernet.slots import Slot


class SiameseNetwork(nn.Module):
    """Template branch, search branch, their fusion and the heads; implements `training.calibrate.Branched`.

    `template_backbone` is None while both branches use the same backbone. After calibration of BatchNorms for each branch it is a copy of
    `backbone` with the statistics of templates.
    """

    def __init__(self, backbone: Iterable[nn.Module], fusion: nn.Module, heads: Mapping[str, Iterable[nn.Module]]):
        """Build the network from modules in the order of execution.

        Args:
            backbone: Modules of the backbone.
            fusion: Takes search features first and template features second.
            heads: Modules of each head, by its name, in the order in which the network returns their outputs.
        """
        super().__init__()
        self.backbone = nn.Sequential(*backbone)
        self.template_backbone: nn.Sequential | None = None
        self.fusion = fusion
        self.heads = nn.ModuleDict({name: nn.Sequential(*layers) for name, layers in heads.items()})

    @property
    def is_split(self) -> bool:
        """Whether the template branch has a backbone of its own."""
        return self.template_backbone is not None

    def split_branches(self) -> None:
        """Give the template branch a backbone of its own, a copy of the search branch's, which replaces an earlier one."""
        self.template_backbone = copy.deepcopy(self.backbone)

    def template(self, image: Tensor) -> Tensor:
        """Compute the template features.

        Args:
            image: (B, 3, h, h) normalised RGB.

        Returns:
            (B, C, h/stride, h/stride) features of the backbone.
        """
        return (self.template_backbone or self.backbone)(image)

    def fuse(self, search: Tensor, template_features: Tensor) -> Tensor:
        """Compute the input of the heads, (B, C, H, W), from search crops (B, 3, s, s) and template features."""
        return self.fusion(self.backbone(search), template_features)

    def search(self, image: Tensor, template_features: Tensor) -> tuple[Tensor, ...]:
        """Find the template in a search crop.

        Args:
            image: (B, 3, s, s) normalised RGB.
            template_features: Output of `template`.

        Returns:
            cls (B, 1, H, W) logits, reg (B, 4, H, W) distances to left, top, right and bottom in px of the crop, and presence (B, 1)
            logits if the network has that head.
        """
        fused = self.fuse(image, template_features)
        return tuple(head(fused) for head in self.heads.values())

    def forward(self, template: Tensor, search: Tensor) -> tuple[Tensor, ...]:
        return self.search(search, self.template(template))


class SearchGraph(nn.Module):
    """The part of a network that runs on every frame: from a search crop and template features to the outputs of the heads."""

    def __init__(self, network: SiameseNetwork):
        super().__init__()
        self.network = network

    def forward(self, search: Tensor, template_features: Tensor) -> tuple[Tensor, ...]:
        return self.network.search(search, template_features)


class TemplateGraph(nn.Module):
    """The part of a network that runs once for each target: from a template crop to template features."""

    def __init__(self, network: SiameseNetwork):
        super().__init__()
        self.network = network

    def forward(self, template: Tensor) -> Tensor:
        return self.network.template(template)


def assemble(filled: Iterable[tuple[Slot, nn.Module]]) -> SiameseNetwork:
    """Build a network from the modules of the slots of the search branch, in the order of execution."""
    parts: dict[str, list[nn.Module]] = {}
    for slot, module in filled:
        parts.setdefault(slot.part, []).append(module)
    (fusion,) = parts["fusion"]
    heads = {part.removeprefix("heads."): modules for part, modules in parts.items() if part.startswith("heads.")}
    return SiameseNetwork(parts["backbone"], fusion, heads)
