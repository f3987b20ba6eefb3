"""Operators: the pieces of a network that a latency table has a row for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from torch import Tensor, nn

from supernet import layers
from supernet.counts import Counts, Shape, count

Branch = Literal["template", "search"]


@dataclass(frozen=True)
class Operator:
    """One operator with everything that its cost depends on, and nothing else."""

    kind: str
    """One of `KINDS`."""
    branch: Branch
    """`template` runs once per target, `search` on every frame."""
    in_shape: Shape
    """(C, H, W) of the input; of the search features for `join`."""
    out_shape: Shape
    """(C, H, W) of the output."""
    options: tuple[tuple[str, int], ...] = ()
    """What the shapes do not say: kernel, expansion, stride, template size."""

    @property
    def key(self) -> str:
        """Readable and unique, e.g. `search:mbconv:24x64x64>40x32x32:kernel=5,expansion=4,stride=2`."""
        shapes = ">".join("x".join(map(str, shape)) for shape in (self.in_shape, self.out_shape))
        return f"{self.branch}:{self.kind}:{shapes}:" + ",".join(f"{name}={value}" for name, value in self.options)

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """(C, H, W) of every input; `join` takes the template's features as its second."""
        if self.kind != "join":
            return (self.in_shape,)
        side = dict(self.options)["template"]
        return (self.in_shape, (self.in_shape[0], side, side))

    @property
    def counts(self) -> Counts:
        """Multiply-adds and parameters; computed once for each different operator."""
        return _counts(self)

    def build(self) -> nn.Module:
        """A fresh module with random weights."""
        return KINDS[self.kind](self)

    def to_json(self) -> dict:
        """The operator as `chiptrack describe` lists it."""
        return {
            "key": self.key,
            "kind": self.kind,
            "branch": self.branch,
            "in_shape": list(self.in_shape),
            "out_shape": list(self.out_shape),
            "options": dict(self.options),
            "macs": self.counts.macs,
            "macs_fvcore": self.counts.macs_fvcore,
            "params": self.counts.params,
        }


class Join(nn.Module):
    """Neck and fusion: search features first, template features second."""

    def __init__(self, neck: layers.Neck, feature_fusor: layers.FeatureFusor):
        super().__init__()
        self.neck = neck
        self.feature_fusor = feature_fusor

    def forward(self, search: Tensor, template: Tensor) -> Tensor:
        return self.feature_fusor(self.neck.BN_z(template), self.neck.BN_x(search))


def _mbconv(op: Operator) -> nn.Module:
    o = dict(op.options)
    return layers.InvertedResidual(op.in_shape[0], op.out_shape[0], o["kernel"], o["expansion"], o["stride"])


def _join(op: Operator) -> nn.Module:
    cells = dict(op.options)["template"] ** 2
    return Join(layers.Neck(op.in_shape[0]), layers.FeatureFusor(cells, op.out_shape[0]))


KINDS: dict[str, Callable[[Operator], nn.Module]] = {
    "stem": lambda op: layers.Stem(op.out_shape[0]),
    "dsconv": lambda op: layers.DepthwiseSeparable(op.in_shape[0]),
    "mbconv": _mbconv,
    "join": _join,
    "head": lambda op: layers.SeparableConv(op.in_shape[0], op.out_shape[0], dict(op.options)["kernel"]),
    "cls": lambda op: layers.ClassPrediction(op.in_shape[0]),
    "reg": lambda op: layers.BoxPrediction(op.in_shape[0]),
}


@cache
def _counts(op: Operator) -> Counts:
    return count(op.build(), op.input_shapes)
