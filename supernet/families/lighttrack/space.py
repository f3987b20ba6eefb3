"""LightTrack's search space at the published size, and `nano`, the same kinds of choices at laptop size.

Source: Yan et al., LightTrack, CVPR 2021 (arXiv 2104.14545), Table 1. `nano` is ours: its smaller crops and widths learn in minutes on
a CPU.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from supernet.counts import Counts, read_counts
from supernet.families.lighttrack.spelling import Spelling
from supernet.families.siamese import SiameseFamily
from supernet.operators import Branch, Operator, Shape
from supernet.sharing.sharing import Sharing
from supernet.slots import Slot
from supernet.space import Architecture, Value
from supernet.training.recipe import Recipe
from tracking.trackers.siamese import SiameseSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

BLOCKS = {"k3e4": (3, 4), "k3e6": (3, 6), "k5e4": (5, 4), "k5e6": (5, 6), "k7e4": (7, 4), "k7e6": (7, 6)}
"""Kernel and expansion of each option of an MBConv layer, by value of the choice, in the order of the official digits."""
HEAD_LAYERS = {"k3": 3, "k5": 5, "skip": 0}
"""Kernel of each option of a layer of a head (0 for no layer), by value of the choice, in the order of the official digits."""
HEAD_DEPTH = 8
"""Number of layers of a head before its prediction; the first one cannot be skipped."""
HEADS = {"cls": 1, "reg": 4}
"""Number of channels of the map that each head predicts."""


@dataclass(frozen=True)
class Stage:
    """Successive blocks of one width; the first has the stage's stride, the others have stride 1."""

    channels: int
    layers: int
    stride: int


@dataclass(frozen=True)
class Space(SiameseFamily):
    """LightTrack's search space at one size."""

    name: str
    prefix: str
    """Text in front of the official spelling in the names of this family; empty for the published size."""
    stem_channels: int
    stages: tuple[Stage, ...]
    fused_channels: int
    head_widths: tuple[int, int, int]
    max_macs: int
    recipe: Recipe
    radius: float
    sharing: Sharing
    settings: SiameseSettings
    presets: Mapping[str, str] = field(default_factory=dict, compare=False)

    @cached_property
    def back_labels(self) -> tuple[str, ...]:
        """Labels `back.STAGE.LAYER` of the searched backbone layers, in order; stages are counted from 1, layers from 0."""
        return tuple(f"back.{s}.{i}" for s, stage in enumerate(self.stages, 1) for i in range(stage.layers))

    @cached_property
    def exits(self) -> tuple[tuple[int, int], ...]:
        """(stage, layer), counted from 0, of each layer whose output may feed the fusion: all layers of the second and later stages."""
        return tuple((s, i) for s, stage in enumerate(self.stages) if s > 0 for i in range(stage.layers))

    @cached_property
    def choices(self) -> dict[str, tuple[Value, ...]]:
        choices: dict[str, tuple[Value, ...]] = dict.fromkeys(self.back_labels, tuple(BLOCKS))
        choices["feature"] = tuple(range(len(self.exits)))
        first = tuple(name for name, kernel in HEAD_LAYERS.items() if kernel)
        for head in HEADS:
            choices[f"{head}.width"] = tuple(map(str, self.head_widths))
            choices |= {f"{head}.{i}": tuple(HEAD_LAYERS) if i else first for i in range(HEAD_DEPTH)}
        return choices

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        template = tuple(self._backbone("template", self.settings.template_size))
        search = tuple(self._backbone("search", self.settings.search_size))
        fusion = Slot("search", "fusion", "fusion", self._fusion, context=("feature",))
        return (*template, *search, fusion, *(slot for head in HEADS for slot in self._head(head)))

    def _backbone(self, branch: Branch, size: int) -> Iterator[Slot]:
        shape: Shape = (self.stem_channels, size // 2, size // 2)
        fixed = [_operator("stem", branch, (3, size, size), shape)]
        fixed += [_operator("dsconv", branch, shape, shape)]
        for op in fixed:
            yield Slot(branch, op.kind, "backbone", partial(_always, op))
        layers = [(s, i) for s, stage in enumerate(self.stages) for i in range(stage.layers)]
        for position, ((s, i), label) in enumerate(zip(layers, self.back_labels, strict=True)):
            stride = self.stages[s].stride if i == 0 else 1
            out = (self.stages[s].channels, shape[1] // stride, shape[2] // stride)
            block = partial(self._block, branch, shape, out, stride, position)
            yield Slot(branch, label, "backbone", block, label, ("feature",))
            shape = out

    def _block(
        self, branch: Branch, in_shape: Shape, out_shape: Shape, stride: int, position: int, feature: int, block: str
    ) -> Operator | None:
        if position >= self.depth(feature):
            return None
        kernel, expansion = BLOCKS[block]
        options = (("kernel", kernel), ("expansion", expansion), ("stride", stride))
        return _operator("mbconv", branch, in_shape, out_shape, options)

    def _fusion(self, feature: int) -> Operator:
        template, search = (self._feature_shape(feature, size) for size in (self.settings.template_size, self.settings.search_size))
        options = (("template", template[1]),)
        return _operator("join", "search", search, self._fused(feature), options, (template,))

    def _head(self, head: str) -> Iterator[Slot]:
        part, context = f"heads.{head}", ("feature", f"{head}.width")
        for i in range(HEAD_DEPTH):
            label = f"{head}.{i}"
            yield Slot("search", label, part, partial(self._head_layer, first=i == 0), label, context)
        yield Slot("search", f"{head}.prediction", part, partial(self._prediction, head), context=context)

    def _head_layer(self, feature: int, width: str, layer: str, first: bool) -> Operator | None:
        kernel, fused = HEAD_LAYERS[layer], self._fused(feature)
        out = (int(width), *fused[1:])
        options = (("kernel", kernel),)
        return _operator("head", "search", fused if first else out, out, options) if kernel else None

    def _prediction(self, head: str, feature: int, width: str) -> Operator:
        _, height, side = self._fused(feature)
        return _operator(head, "search", (int(width), height, side), (HEADS[head], height, side))

    def depth(self, feature: int) -> int:
        """Number of searched backbone layers that are built when exit number `feature` is chosen."""
        return self.stages[0].layers + feature + 1

    def stage_stride(self, stage: int) -> int:
        """Pixels of a crop per cell of the features after stage number `stage`, counted from 0; the stem has stride 2."""
        return 2 * math.prod(built.stride for built in self.stages[: stage + 1])

    def _feature_shape(self, feature: int, size: int) -> Shape:
        """Shape of the features that a crop of this side gives to the fusion, if exit number `feature` is chosen."""
        stage, _ = self.exits[feature]
        side = size // self.stage_stride(stage)
        return (self.stages[stage].channels, side, side)

    def _fused(self, feature: int) -> Shape:
        return (self.fused_channels, *self._feature_shape(feature, self.settings.search_size)[1:])

    @cached_property
    def _spelling(self) -> Spelling:
        towers = {head: (f"{head}.width", *(f"{head}.{i}" for i in range(HEAD_DEPTH))) for head in HEADS}
        return Spelling(self.name, self.prefix, self.choices, self.back_labels, towers, self.exits)

    def spell(self, chosen: Mapping[str, Value]) -> str:
        return self._spelling.spell(chosen)

    def parse(self, name: str) -> Architecture:
        return self.architecture(self._spelling.read(name), name)

    def recognises(self, text: str) -> bool:
        return text.startswith((f"{self.prefix}back_", f"{self.name}:"))

    def import_weights(self, arch: Architecture, tensors: Mapping[str, Tensor], source: str) -> tuple[nn.Module, SiameseSettings]:
        from supernet.families.lighttrack.weights import load_official, public_settings

        network = self.network(arch)
        load_official(network, tensors, [stage.layers for stage in self.stages], source)
        return network, public_settings(self.settings)


@cache
def _counts() -> Mapping[str, Counts]:
    """Counts of the operators of both sizes, by key, from a file; tests/test_counts.py compares them with a fresh count."""
    return read_counts(Path(__file__).with_name("counts.json"))


def _always(op: Operator) -> Operator:
    return op


def _operator(
    kind: str, branch: Branch, in_shape: Shape, out_shape: Shape, options: tuple[tuple[str, int], ...] = (), others: tuple[Shape, ...] = ()
) -> Operator:
    return Operator(kind, branch, in_shape, out_shape, options, make=_build, others=others, kept=_counts())


def _build(op: Operator) -> nn.Module:
    from supernet.families.lighttrack import layers

    return layers.build(op)


LIGHTTRACK = Space(
    name="lighttrack",
    prefix="",
    stem_channels=16,
    stages=(Stage(24, 2, 2), Stage(40, 4, 2), Stage(80, 4, 2), Stage(96, 4, 1)),
    fused_channels=128,
    head_widths=(128, 192, 256),
    max_macs=600_000_000,
    recipe=Recipe(steps=140_000, batch=128, lr=1e-3, warmup=2000),
    radius=1 / 16,
    sharing="separate",
    settings=SiameseSettings(128, 256, 288, penalty_k=0.007, lr=0.616, window_influence=0.225, aligned=True),
    presets={"lighttrack-mobile": "back_04502514044521042540+cls_211000022+reg_100000111_ops_32"},
)

NANO = Space(
    name="nano",
    prefix="nano:",
    stem_channels=8,
    stages=(Stage(8, 2, 2), Stage(16, 4, 2), Stage(24, 4, 1), Stage(32, 4, 1)),
    fused_channels=32,
    head_widths=(16, 24, 32),
    max_macs=16_000_000,  # four fifths of the architectures meet this limit, as with 600M at the published size
    recipe=Recipe(steps=2000, batch=16, lr=3e-3),
    radius=1 / 8,
    sharing="sliced",
    settings=SiameseSettings(48, 96, 96, penalty_k=0.04, lr=0.05, window_influence=0.3, aligned=True),
)
