"""The supernet of a LightTrack family, declared with NNI's model-space API.

Every choice is an NNI `LayerChoice`, the searched exit is an NNI `Repeat` whose depth is chosen; `simplify()` gives the search
space and `freeze()` a network, as NNI documents (nni.nas 3.0). Two small subclasses remember which option is active, so that
a path is switched in microseconds and without NNI's one-shot machinery.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from supernet import layers
from supernet.families.lighttrack import BLOCKS, HEAD_LAYERS, LightTrackFamily
from supernet.operators import Join
from supernet.sliced import Sharing, sliced
from supernet.space import Value

os.environ.setdefault("NNI_FRAMEWORK", "none")  # else NNI wants pytorch-lightning
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*is found to be not a nn.Module", category=RuntimeWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    import nni
    from nni.nas.nn.pytorch import LayerChoice, ModelSpace, Repeat


class SwitchedChoice(LayerChoice):
    """A layer choice that runs its active option."""

    def __init__(self, candidates, *, label: str):
        super().__init__(candidates, label=label)
        self.active: Value = self.names[0]

    def forward(self, *inputs: Tensor) -> Tensor:
        return self._modules[str(self.active)](*inputs)  # pyright: ignore[reportOptionalCall]


class SwitchedRepeat(Repeat):
    """A chain of blocks of which the first `active` run."""

    def __init__(self, blocks, depth):
        super().__init__(blocks, depth)
        self.active: int = self.max_depth

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks[: self.active]:
            x = block(x)
        return x


class LightTrackSpace(ModelSpace):
    """All architectures of a family and all their weights."""

    def __init__(self, family: LightTrackFamily, sharing: Sharing = "separate"):
        super().__init__()
        self.cores = nn.ModuleList()
        """The largest options, where the others are slices of them; each keeps its tensors here and only here."""
        share = sharing == "sliced"
        first = family.stages[0].layers
        self.stem = layers.Stem(family.stem_channels)
        blocks: list[nn.Module] = [layers.DepthwiseSeparable(family.stem_channels)]
        width = family.stem_channels
        for s, stage in enumerate(family.stages, 1):
            for i in range(stage.layers):
                stride = stage.stride if i == 0 else 1
                options = {name: layers.InvertedResidual(width, stage.channels, k, e, stride) for name, (k, e) in BLOCKS.items()}
                width = stage.channels
                blocks.append(SwitchedChoice(self._share(options, options["k7e6"], share), label=f"back.{s}.{i}"))
        self.blocks = SwitchedRepeat(blocks, nni.choice("feature", list(range(len(family.exits)))) + (first + 2))
        self.join = SwitchedChoice(self._joins(family), label="feature")
        self.cls = self._towers(family, "cls", share)
        self.reg = self._towers(family, "reg", share)

    def _share(self, options: Mapping[str, nn.Module], largest: nn.Module, share: bool) -> dict[str, nn.Module]:
        if not share:
            return dict(options)
        self.cores.append(largest)
        return {name: sliced(option, largest) for name, option in options.items()}

    @staticmethod
    def _joins(family: LightTrackFamily) -> list[nn.Module]:
        """One neck for each exit, one fusor for each size of the feature map."""
        fusors: dict[int, layers.FeatureFusor] = {}
        joins = []
        for stage, _ in family.exits:
            cells = (family.template_size // family.stage_stride(stage)) ** 2
            fusor = fusors.setdefault(cells, layers.FeatureFusor(cells, family.fused_channels))
            joins.append(Join(layers.Neck(family.stages[stage].channels), fusor))
        return joins

    def _towers(self, family: LightTrackFamily, head: str, share: bool) -> nn.Module:
        predict = layers.ClassPrediction if head == "cls" else layers.BoxPrediction
        widest = max(family.head_widths)
        core = nn.ModuleList(layers.SeparableConv(widest if i else family.fused_channels, widest, 5) for i in range(8))
        core.append(predict(widest))
        towers = {}
        for width in family.head_widths:
            tower: list[nn.Module] = []
            for i in range(8):
                kernels = {k: v for k, v in HEAD_LAYERS.items() if v or i}
                layer = {
                    name: layers.SeparableConv(width if i else family.fused_channels, width, kernel) if kernel else nn.Identity()
                    for name, kernel in kernels.items()
                }
                if share:
                    layer = {name: sliced(option, core[i]) for name, option in layer.items()}
                tower.append(SwitchedChoice(layer, label=f"{head}.{i}"))
            prediction = predict(width)
            tower.append(sliced(prediction, core[8]) if share else prediction)
            towers[str(width)] = nn.Sequential(*tower)
        if share:
            self.cores.append(core)
        return SwitchedChoice(towers, label=f"{head}.width")

    def template(self, image: Tensor) -> Tensor:
        """Template features of the active path, as `TrackingNetwork.template`."""
        return self.blocks(self.stem(image))

    def search(self, image: Tensor, template_features: Tensor) -> tuple[Tensor, Tensor]:
        """Cls and reg of the active path, as `TrackingNetwork.search`."""
        fused = self.join(self.blocks(self.stem(image)), template_features)
        return self.cls(fused), self.reg(fused)

    def forward(self, template: Tensor, search: Tensor) -> tuple[Tensor, Tensor]:
        return self.search(search, self.template(template))


def read_choices(family: LightTrackFamily) -> dict[str, tuple[Value, ...]]:
    """Labels and values of a family's choices, as its NNI model space declares them."""
    with torch.device("meta"):
        space: Any = LightTrackSpace(family)
    declared = space.simplify()
    if set(declared) != set(family.labels):
        raise AssertionError(f"model space and family disagree: {sorted(set(declared) ^ set(family.labels))}")
    return {label: tuple(declared[label].values) for label in family.labels}
