"""LightTrack's search space, its official architecture names, and `nano`, the same choices at laptop size.

Source: Yan et al., LightTrack, CVPR 2021 (arXiv 2104.14545), Table 1 and the spelling of the public code. `nano` is ours:
smaller crops and widths that learn in minutes on a processor.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from supernet.counts import Shape
from supernet.fit import Recipe
from supernet.network import Backbone, Head, TrackingNetwork
from supernet.operators import Branch, Operator
from supernet.sliced import Sharing
from supernet.space import Architecture, SearchSpace, Value
from tracking.trackers.siamese import SiameseSettings

BLOCKS = {"k3e4": (3, 4), "k3e6": (3, 6), "k5e4": (5, 4), "k5e6": (5, 6), "k7e4": (7, 4), "k7e6": (7, 6)}
"""MBConv choices, (kernel, expansion), in the order of the official digits."""
HEAD_LAYERS = {"k3": 3, "k5": 5, "skip": 0}
"""Head layer choices, kernel (0: no layer), in the order of the official digits."""
_TAIL = "0000"
"""Digits of the stage that exists for classification only."""
_SPELLING = re.compile(r"back_0(?P<back>[0-5]{14})[0-5]{4}0\+cls_(?P<cls>[0-2]{9})\+reg_(?P<reg>[0-2]{9})_ops_(?P<exit>[1-3][0-3])")


@dataclass(frozen=True)
class Stage:
    """Blocks of one width; the first has the stage's stride."""

    channels: int
    layers: int
    stride: int


@dataclass(frozen=True)
class LightTrackFamily:
    """A size of LightTrack's space: names, choices, operators and networks of its architectures."""

    name: str
    prefix: str
    """Put before the official spelling of this family's architectures; empty for the original."""
    template_size: int
    search_size: int
    stem_channels: int
    stages: tuple[Stage, ...]
    fused_channels: int
    head_widths: tuple[int, int, int]
    max_macs: int
    """Budget of a search when the user gives none, in multiply-adds of the search branch."""
    recipe: Recipe
    """How to train when the user does not say."""
    sharing: Sharing
    """How options share weights when the user does not say."""
    tracker: SiameseSettings
    """Tracking constants of a network that brings none."""

    @cached_property
    def back_labels(self) -> tuple[str, ...]:
        """Labels of the searched backbone layers, `back.STAGE.LAYER`, in order."""
        return tuple(f"back.{s}.{i}" for s, stage in enumerate(self.stages, 1) for i in range(stage.layers))

    @cached_property
    def exits(self) -> tuple[tuple[int, int], ...]:
        """(stage, layer) whose output may feed the heads: any layer of the second and later stages."""
        return tuple((s, i) for s, stage in enumerate(self.stages) if s > 0 for i in range(stage.layers))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Labels of all choices, in the order in which an architecture lists them."""
        heads = [f"{head}.{part}" for head in ("cls", "reg") for part in ("width", *range(8))]
        return (*self.back_labels, "feature", *heads)

    @cached_property
    def contexts(self) -> dict[str, tuple[str, ...]]:
        """For each choice, the other choices that decide which operators its values bring.

        Given those, choices add up: what changing one brings and takes away does not depend on the rest.
        """
        back = {label: ("feature",) for label in self.back_labels}
        widths = {f"{head}.width": ("feature",) for head in ("cls", "reg")}
        layers = {f"{head}.{i}": ("feature", f"{head}.width") for head in ("cls", "reg") for i in range(8)}
        return {"feature": (), **back, **widths, **layers}

    @cached_property
    def space(self) -> SearchSpace:
        """The search space, read from the NNI model space that declares it."""
        from supernet.model_space import read_choices  # NNI takes seconds to import

        return SearchSpace(read_choices(self), self.architecture)

    def architecture(self, chosen: Mapping[str, Value], name: str | None = None) -> Architecture:
        """The architecture with these chosen values; layers after the exit are set to their first value."""
        built = self.back_labels[: self.depth(int(chosen["feature"]))]
        unused = set(self.back_labels) - set(built)
        choices = tuple((label, "k3e4" if label in unused else chosen[label]) for label in self.labels)
        return Architecture(self.name, choices, name or self._spell(dict(choices)))

    def depth(self, feature: int) -> int:
        """Number of searched backbone layers that are built when exit number `feature` is chosen."""
        return self.stages[0].layers + feature + 1

    def _spell(self, chosen: Mapping[str, Value]) -> str:
        blocks, kernels, widths = list(BLOCKS), list(HEAD_LAYERS), [str(w) for w in self.head_widths]
        back = "".join(str(blocks.index(str(chosen[label]))) for label in self.back_labels)
        towers = {
            head: str(widths.index(str(chosen[f"{head}.width"])))
            + "".join(str(kernels.index(str(chosen[f"{head}.{i}"]))) for i in range(8))
            for head in ("cls", "reg")
        }
        stage, layer = self.exits[int(chosen["feature"])]
        return f"{self.prefix}back_0{back}{_TAIL}0+cls_{towers['cls']}+reg_{towers['reg']}_ops_{stage}{layer}"

    def parse(self, name: str) -> Architecture:
        """Read an official name.

        Raises:
            ValueError: The text is not a name of this family.
        """
        match = _SPELLING.fullmatch(name.removeprefix(self.prefix))
        if match is None or not name.startswith(self.prefix):
            form = f"{self.prefix}back_0<18 digits 0-5>0+cls_<9 digits 0-2>+reg_<9 digits 0-2>_ops_<stage><block>"
            raise ValueError(f"an architecture name of {self.name} has the form {form}, got {name!r}")
        stage, layer = (int(digit) for digit in match["exit"])
        chosen: dict[str, Value] = {"feature": self.exits.index((stage, layer))}
        chosen |= {label: list(BLOCKS)[int(digit)] for label, digit in zip(self.back_labels, match["back"], strict=True)}
        for head in ("cls", "reg"):
            width, *kernels = (int(digit) for digit in match[head])
            if kernels[0] == 2:
                raise ValueError(f"the first layer of a head cannot be skipped (digit 2), got {head}_{match[head]} in {name!r}")
            chosen[f"{head}.width"] = str(self.head_widths[width])
            chosen |= {f"{head}.{i}": list(HEAD_LAYERS)[k] for i, k in enumerate(kernels)}
        return self.architecture(chosen, name)

    def output_stride(self, arch: Architecture) -> int:
        """Pixels of the search crop per cell of the score map."""
        stage, _ = self.exits[int(arch["feature"])]
        return self.stage_stride(stage)

    def stage_stride(self, stage: int) -> int:
        """Pixels of a crop per cell of the features after a stage (0 is the first); the stem halves the crop."""
        return 2 * math.prod(built.stride for built in self.stages[: stage + 1])

    def operators(self, arch: Architecture) -> tuple[Operator, ...]:
        """Operators in the order of execution: the template branch, then the search branch."""
        template = self._backbone(arch, "template", self.template_size)
        search = self._backbone(arch, "search", self.search_size)
        channels, size, _ = search[-1].out_shape
        fused = (self.fused_channels, size, size)
        join = Operator("join", "search", (channels, size, size), fused, (("template", template[-1].out_shape[1]),))
        towers = [op for head in ("cls", "reg") for op in self._tower(arch, head, fused)]
        return (*template, *search, join, *towers)

    def _backbone(self, arch: Architecture, branch: Branch, size: int) -> list[Operator]:
        shape: Shape = (self.stem_channels, size // 2, size // 2)
        operators = [Operator("stem", branch, (3, size, size), shape), Operator("dsconv", branch, shape, shape)]
        last_stage, last_layer = self.exits[int(arch["feature"])]
        for s, stage in enumerate(self.stages[: last_stage + 1]):
            for i in range(stage.layers if s < last_stage else last_layer + 1):
                kernel, expansion = BLOCKS[str(arch[f"back.{s + 1}.{i}"])]
                stride = stage.stride if i == 0 else 1
                out = (stage.channels, shape[1] // stride, shape[2] // stride)
                options = (("kernel", kernel), ("expansion", expansion), ("stride", stride))
                operators.append(Operator("mbconv", branch, shape, out, options))
                shape = out
        return operators

    def _tower(self, arch: Architecture, head: str, shape: Shape) -> list[Operator]:
        operators = []
        width = int(arch[f"{head}.width"])
        for i in range(8):
            if kernel := HEAD_LAYERS[str(arch[f"{head}.{i}"])]:
                out = (width, *shape[1:])
                operators.append(Operator("head", "search", shape, out, (("kernel", kernel),)))
                shape = out
        return [*operators, Operator(head, "search", shape, (1 if head == "cls" else 4, *shape[1:]))]

    def network(self, arch: Architecture) -> TrackingNetwork:
        """A plain network of the architecture with random weights."""
        search = [op for op in self.operators(arch) if op.branch == "search"]
        blocks = [op.build() for op in search if op.kind == "mbconv"]
        stages: list[list] = [[next(op for op in search if op.kind == "dsconv").build()]]
        for stage in self.stages:
            stages.append(blocks[: stage.layers])
            blocks = blocks[stage.layers :]
        join: Any = next(op for op in search if op.kind == "join").build()
        split = next(i for i, op in enumerate(search) if op.kind == "cls")
        cls_tower = [op.build() for op in search[:split] if op.kind == "head"]
        reg_tower = [op.build() for op in search[split:] if op.kind == "head"]
        head = Head(cls_tower, int(arch["cls.width"]), reg_tower, int(arch["reg.width"]))
        return TrackingNetwork(Backbone(self.stem_channels, [stage for stage in stages if stage]), join.neck, join.feature_fusor, head)


LIGHTTRACK = LightTrackFamily(
    name="lighttrack",
    prefix="",
    template_size=128,
    search_size=256,
    stem_channels=16,
    stages=(Stage(24, 2, 2), Stage(40, 4, 2), Stage(80, 4, 2), Stage(96, 4, 1)),
    fused_channels=128,
    head_widths=(128, 192, 256),
    max_macs=600_000_000,
    recipe=Recipe(steps=140_000, batch=128, lr=1e-3, radius_px=16.0, warmup=2000),
    sharing="separate",
    tracker=SiameseSettings(128, 256, 288, penalty_k=0.007, lr=0.616, window_influence=0.225, aligned=True),
)

NANO = LightTrackFamily(
    name="nano",
    prefix="nano:",
    template_size=48,
    search_size=96,
    stem_channels=8,
    stages=(Stage(8, 2, 2), Stage(16, 4, 2), Stage(24, 4, 1), Stage(32, 4, 1)),
    fused_channels=32,
    head_widths=(16, 24, 32),
    max_macs=16_000_000,  # admits as much of the space, four fifths, as 600M does of the original
    recipe=Recipe(steps=2000, batch=16, lr=3e-3, radius_px=12.0),
    sharing="sliced",
    tracker=SiameseSettings(48, 96, 96, penalty_k=0.04, lr=0.05, window_influence=0.3, aligned=True),
)
