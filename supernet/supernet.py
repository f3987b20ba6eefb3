"""One network that holds the weights of every architecture of a family, and the switch between them."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from supernet import layers
from supernet.families import FAMILIES
from supernet.model_space import LightTrackSpace, SwitchedChoice
from supernet.network import TrackingNetwork
from supernet.sliced import Sharing
from supernet.space import Architecture


class Supernet(nn.Module):
    """A family's NNI model space with one active path.

    Args:
        family: Name in `FAMILIES`.
        sharing: Weights of their own for every option (the paper), or slices of the largest option.
    """

    def __init__(self, family: str, sharing: Sharing = "separate"):
        super().__init__()
        self.family = FAMILIES[family]
        self.sharing: Sharing = sharing
        self.model: Any = LightTrackSpace(self.family, sharing)
        self._switches: dict[str, list[Any]] = {}
        for module in self.model.modules():
            if isinstance(module, SwitchedChoice):
                self._switches.setdefault(str(module.label), []).append(module)
        self.activate(self.family.architecture({label: values[-1] for label, values in self.family.space.choices.items()}))

    def activate(self, arch: Architecture) -> None:
        """Make one architecture the active path; takes microseconds and touches no weight.

        Raises:
            ValueError: The architecture belongs to another family.
        """
        if arch.family != self.family.name:
            raise ValueError(f"the supernet holds {self.family.name} architectures, got {arch.name!r} of {arch.family}")
        for label, value in arch.choices:
            for switch in self._switches[label]:
                switch.__dict__["active"] = value  # past nn.Module's slow attribute hook
        self.model.blocks.__dict__["active"] = self.family.depth(int(arch["feature"])) + 1
        self.active = arch

    def template(self, image: Tensor) -> Tensor:
        """Template features of the active path, as `TrackingNetwork.template`."""
        return self.model.template(image)

    def search(self, image: Tensor, template_features: Tensor) -> tuple[Tensor, Tensor]:
        """Cls and reg of the active path, as `TrackingNetwork.search`."""
        return self.model.search(image, template_features)

    def forward(self, template: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
        return self.model(template, search)

    def extract(self, arch: Architecture) -> TrackingNetwork:
        """A plain network with its own copy of an architecture's weights; equals the active path bit for bit."""
        network = self.family.network(arch)
        for target, source in self._pairs(arch, network):
            for name, tensor in target.state_dict().items():
                tensor.copy_(attrgetter(name)(source))
        return network.train(self.training)

    def _pairs(self, arch: Architecture, network: TrackingNetwork) -> list[tuple[nn.Module, nn.Module]]:
        """(part of the network, part of the supernet that holds its weights)."""
        model = self.model
        stages: Any = network.features.blocks
        blocks = [block for stage in stages for block in stage]
        options = [model.blocks[0], *(model.blocks[i][arch[label]] for i, label in enumerate(self.family.back_labels, 1))]
        join = model.join[arch["feature"]]
        pairs: list[tuple[nn.Module, nn.Module]] = list(zip(blocks, options, strict=False))  # options after the exit are not built
        pairs += [(network.neck, join.neck), (network.feature_fusor, join.feature_fusor)]
        towers = (("cls", network.head.cls_tower, network.head.cls_perd), ("reg", network.head.reg_tower, network.head.reg_pred))
        for head, tower, prediction in towers:
            source = getattr(model, head)[arch[f"{head}.width"]]
            layers_ = [source[i][arch[f"{head}.{i}"]] for i in range(8) if arch[f"{head}.{i}"] != "skip"]
            pairs += [*zip(tower, layers_, strict=True), (prediction, source[8])]
        stem = layers.Stem(self.family.stem_channels)
        stem.conv_stem, stem.bn1 = network.features.conv_stem, network.features.bn1
        return [(stem, model.stem), *pairs]


def initialise(module: nn.Module, seed: int) -> None:
    """Draw the weights of a supernet or network so that eight plain head layers can start to learn.

    Convolutions of the backbone: normal, scaled by fan-out (He et al., 2015); residual blocks start as the identity (Goyal et al., 2017),
    so that deep paths learn no later than shallow ones. Heads: depthwise kernels are a delta and
    pointwise ones the identity, plus a little noise; the predicted box starts at 16 px to each side.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(tensor: Tensor, deviation: float) -> None:
        with torch.no_grad():
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * deviation)

    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            out, _, kernel, _ = part.weight.shape
            normal(part.weight, (2 / (kernel * kernel * out / part.groups)) ** 0.5)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    for part in module.modules():
        if isinstance(part, layers.InvertedResidual) and part.residual:
            nn.init.zeros_(part.bn3.weight)
        elif isinstance(part, layers.SeparableConv) and isinstance(part.conv1, nn.Conv2d):
            nn.init.dirac_(part.conv1.weight, groups=part.conv1.groups)
            normal(part.pointwise.weight, 0.02)
            rows = min(part.pointwise.weight.shape[:2])
            with torch.no_grad():
                part.pointwise.weight[range(rows), range(rows)] += 1
        elif isinstance(part, layers.ClassPrediction) and isinstance(part.cls_pred, nn.Conv2d):
            normal(part.cls_pred.weight, 0.1)  # ten times the usual 0.01: the output is multiplied by 0.1
        elif isinstance(part, layers.BoxPrediction) and isinstance(part.bbox_pred, nn.Conv2d):
            normal(part.bbox_pred.weight, 0.01)
            part.bbox_pred.bias = nn.Parameter(torch.ones(4))
