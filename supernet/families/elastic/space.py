"""The search space `elastic`, from which trackers for slow and for fast chips are cut.

It spans about 2M to 190M multiply-adds a frame. Its choices are those in which chips differ: a network with hard-swish and
squeeze-and-excitation takes a third longer at equal multiply-adds on one runtime and hardly longer on another, and 7x7 depthwise
convolutions are ten times as dear on some. All options are slices of the largest one, BatchNorms included (Yu and Huang, Universally
slimmable networks, ICCV 2019; Once-for-All, Cai et al., ICLR 2020), so that one training serves every architecture.

The crops' sizes are choices too. Both crops have the same scale: the side of the square of target and context is half of the search
crop's. A template crop shows as much of that square, or of what lies around it, as its own size allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, cached_property, partial
from pathlib import Path

from supernet.counts import Counts, read_counts
from supernet.families.elastic.spelling import read, spell
from supernet.families.siamese import SiameseFamily
from supernet.operators import Branch, Operator, Option, Shape
from supernet.slots import Slot
from supernet.space import Architecture, Value
from supernet.training.recipe import Recipe
from tracking.trackers.siamese import SiameseSettings

SEARCH_SIZES = (96, 128, 160)
"""Sides of the search crop, px."""
TEMPLATE_SIZES = (48, 64)
"""Sides of the template crop, px."""
EXIT_STRIDES = (8, 16)
"""Strides of the features that are correlated, px of the crops per cell."""
CORRELATIONS = ("depthwise", "pixelwise")
STEMS = (8, 16)
"""Numbers of channels of the stem."""
EARLY = {"k3": 3, "k5": 5, "d2": 2, "d3": 3, "d4": 4}
"""Kernel of a depthwise-separable first block, or expansion of a fused one with a dense 3x3 convolution, by value of the choice."""
BLOCKS = {f"k{k}e{e}": (k, e) for k in (3, 5, 7) for e in (2, 3, 4, 6)}
"""Kernel and expansion of each other block, by value of the choice."""
STAGES = {1: (16, 2), 2: (32, 4), 3: (64, 4)}
"""Number of channels and largest number of blocks of each stage; the first block of a stage halves the map, in the third if the exit
has stride 16."""
HEAD_WIDTHS = (32, 48, 64, 96)
HEADS = {"cls": 1, "reg": 4}
"""Number of channels of the map that each head predicts."""
HEAD_DEPTHS = (1, 2, 3)
HEAD_KERNELS = (3, 5)
_NO, _YES = "plain", "se"
"""Values of a stage's choice of squeeze-and-excitation."""
_WIDEST = 112
"""Side of the template crop that training renders at the scale of the largest search crop: it holds each architecture's, px."""


class Elastic(SiameseFamily):
    """The family `elastic`; there is one instance."""

    name = "elastic"
    outputs = ("cls", "reg", "presence")
    max_macs = 200_000_000
    recipe = Recipe(steps=20_000, batch=16, lr=2e-3, warmup=200)
    sharing = "nested"
    radius = 1 / 8
    negatives = 0.25
    settings: SiameseSettings = SiameseSettings(
        _WIDEST, SEARCH_SIZES[-1], SEARCH_SIZES[-1], 0.04, 0.4, 0.3, aligned=True, context_size=SEARCH_SIZES[-1] // 2
    )

    @cached_property
    def choices(self) -> dict[str, tuple[Value, ...]]:
        choices: dict[str, tuple[Value, ...]] = {
            "search": SEARCH_SIZES,
            "template": TEMPLATE_SIZES,
            "exit": EXIT_STRIDES[::-1],
            "correlation": CORRELATIONS,
            "stem": STEMS,
        }
        for stage, (_, most) in STAGES.items():
            choices[f"{stage}.act"] = ("relu", "hswish")
            if stage > 1:
                choices[f"{stage}.se"] = (_NO, _YES)
            choices[f"{stage}.depth"] = tuple(range(1, most + 1))
            choices |= {f"{stage}.{i}": tuple(EARLY if (stage, i) == (1, 0) else BLOCKS) for i in range(most)}
        choices["head"] = HEAD_WIDTHS
        for head in HEADS:
            choices |= {f"{head}.depth": HEAD_DEPTHS, f"{head}.kernel": HEAD_KERNELS}
        return choices

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        fusion = Slot("search", "fusion", "fusion", _fusion, context=("search", "template", "exit", "correlation", "head"))
        heads = (slot for head in HEADS for slot in _head(head))
        presence = Slot("search", "presence", "heads.presence", _presence, context=("search", "exit", "head"))
        return (*_backbone("template"), *_backbone("search"), fusion, *heads, presence)

    def settings_of(self, arch: Architecture) -> SiameseSettings:
        search, template = int(arch["search"]), int(arch["template"])
        return replace(self.settings, template_size=template, search_size=search, small_target_size=search, context_size=search // 2)

    def spell(self, chosen: Mapping[str, Value]) -> str:
        return spell(chosen)

    def parse(self, name: str) -> Architecture:
        return self.architecture(read(name, self.choices), name)


def _backbone(branch: Branch) -> Iterator[Slot]:
    yield Slot(branch, "stem", "backbone", partial(_stem, branch), context=(branch, "stem", "1.act"))
    for stage, (_, most) in STAGES.items():
        context = [branch, f"{stage}.depth", f"{stage}.act"]
        if stage > 1:
            context.append(f"{stage}.se")
        if stage == 3:
            context.append("exit")
        for i in range(most):
            if (stage, i) == (1, 0):
                yield Slot(branch, "1.0", "backbone", partial(_early, branch), "1.0", (branch, "stem", "1.act"))
            else:
                yield Slot(branch, f"{stage}.{i}", "backbone", partial(_block, branch, stage, i), f"{stage}.{i}", tuple(context))


def _stem(branch: Branch, size: int, channels: int, act: str) -> Operator:
    return _operator("stem", branch, (3, size, size), (channels, size // 2, size // 2), (("act", act),))


def _early(branch: Branch, size: int, channels: int, act: str, block: str) -> Operator:
    shapes = (channels, size // 2, size // 2), (STAGES[1][0], size // 4, size // 4)
    kind, option = ("fused", "expansion") if block.startswith("d") else ("separable", "kernel")
    return _operator(kind, branch, *shapes, ((option, EARLY[block]), ("act", act)))


def _block(branch: Branch, stage: int, i: int, size: int, depth: int, act: str, *rest: Value) -> Operator | None:
    """Fill the slot of block `i` of a stage; `rest` holds squeeze-and-excitation (of stages 2 and 3), the exit (of stage 3), the block."""
    if i >= depth:
        return None
    squeeze, exit_stride, block = (rest[0] if stage > 1 else _NO), (rest[1] if stage > 2 else 8), str(rest[-1])
    after = {1: 4, 2: 8, 3: int(exit_stride)}
    stride = after[stage] // after[stage - 1] if i == 0 else 1
    into = STAGES[stage if i else stage - 1][0]
    side = size // after[stage]
    shapes = (into, side * stride, side * stride), (STAGES[stage][0], side, side)
    return _operator("mbconv", branch, *shapes, _mbconv(*BLOCKS[block], stride, act, str(squeeze)))


def _mbconv(kernel: int, expansion: int, stride: int, act: str, squeeze: str) -> tuple[tuple[str, Option], ...]:
    return (("kernel", kernel), ("expansion", expansion), ("stride", stride), ("se", int(squeeze == _YES)), ("act", act))


def _features(size: int, exit_stride: int) -> Shape:
    return (STAGES[3][0], size // exit_stride, size // exit_stride)


def _fused(search: int, exit_stride: int, width: int) -> Shape:
    return (width, *_features(search, exit_stride)[1:])


def _fusion(search: int, template: int, exit_stride: int, correlation: str, width: int) -> Operator:
    shown = _features(template, exit_stride)
    # the weights of pixel-wise correlation belong to places in the template, which lie further apart at stride 16
    kind = f"pixelwise{exit_stride}" if correlation == "pixelwise" else correlation
    shapes = _features(search, exit_stride), _fused(search, exit_stride, width)
    return _operator(kind, "search", *shapes, (("template", shown[1]),), (shown,))


def _head(head: str) -> Iterator[Slot]:
    shape = ("search", "exit", "head")
    for i in range(HEAD_DEPTHS[-1]):
        yield Slot("search", f"{head}.{i}", f"heads.{head}", partial(_head_layer, i), context=(*shape, f"{head}.depth", f"{head}.kernel"))
    yield Slot("search", f"{head}.prediction", f"heads.{head}", partial(_prediction, head), context=shape)


def _head_layer(i: int, search: int, exit_stride: int, width: int, depth: int, kernel: int) -> Operator | None:
    shape = _fused(search, exit_stride, width)
    return _operator("head", "search", shape, shape, (("kernel", kernel),)) if i < depth else None


def _prediction(head: str, search: int, exit_stride: int, width: int) -> Operator:
    shape = _fused(search, exit_stride, width)
    unit = (("unit", search // 8),) if head == "reg" else ()
    return _operator(head, "search", shape, (HEADS[head], *shape[1:]), unit)


def _presence(search: int, exit_stride: int, width: int) -> Operator:
    return _operator("presence", "search", _fused(search, exit_stride, width), (1,))


@cache
def _counts() -> Mapping[str, Counts]:
    """Counts of the operators, by key, from a file; tests/test_counts.py compares them with a fresh count."""
    return read_counts(Path(__file__).with_name("counts.json"))


@cache
def _operator(
    kind: str,
    branch: Branch,
    in_shape: Shape,
    out_shape: Shape,
    options: tuple[tuple[str, Option], ...] = (),
    others: tuple[Shape, ...] = (),
) -> Operator:
    return Operator(kind, branch, in_shape, out_shape, options, make=_build, others=others, kept=_counts())


def _build(op: Operator):
    from supernet.families.elastic import layers

    return layers.build(op)


ELASTIC = Elastic()
