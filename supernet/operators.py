"""Operators: the pieces of a network that a latency table has a row for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from supernet.counts import Counts, count

if TYPE_CHECKING:
    from torch import nn

Branch = Literal["template", "search"]
BRANCHES: tuple[Branch, ...] = ("search", "template")
"""`template` runs once for each target, `search` on every frame; the one that costs most comes first."""
Shape = tuple[int, ...]
"""Of a tensor without the batch: (C, H, W) of a feature map, (N, C) of tokens."""
Option = int | float | str


@dataclass(frozen=True)
class Operator:
    """One operator with everything that its cost depends on, and nothing else."""

    kind: str
    """What it is, in the words of its family, e.g. `mbconv`."""
    branch: Branch
    in_shape: Shape
    """Of the input; of the first one, where there are several."""
    out_shape: Shape
    options: tuple[tuple[str, Option], ...] = ()
    """What the shapes do not say: kernel, expansion, stride, activation. They also tell apart operators whose other inputs differ."""
    make: Callable[[Operator], nn.Module] = field(kw_only=True, compare=False, repr=False)
    """Builds its module, with random weights."""
    others: tuple[Shape, ...] = field(default=(), kw_only=True, compare=False)
    """Of further inputs, such as the template's features."""
    kept: Mapping[str, Counts] = field(default_factory=dict, kw_only=True, compare=False, repr=False)
    """Counts by key that need not be found anew, since building and tracing takes milliseconds for each operator."""

    @cached_property
    def key(self) -> str:
        """Readable and unique, e.g. `search:mbconv:24x64x64>40x32x32:kernel=5,expansion=4,stride=2`."""
        shapes = ">".join("x".join(map(str, shape)) for shape in (self.in_shape, self.out_shape))
        return f"{self.branch}:{self.kind}:{shapes}:" + ",".join(f"{name}={value}" for name, value in self.options)

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """Of every input, in the order in which the module takes them."""
        return (self.in_shape, *self.others)

    @cached_property
    def option(self) -> dict[str, Option]:
        """The options by name."""
        return dict(self.options)

    @cached_property
    def counts(self) -> Counts:
        """Multiply-adds, parameters and memory traffic at batch size 1."""
        return self.kept[self.key] if self.key in self.kept else count(self.build(), self.input_shapes)

    def build(self) -> nn.Module:
        """A fresh module with random weights."""
        return self.make(self)

    def to_json(self) -> dict:
        """The operator as `chiptrack describe` lists it."""
        return {
            "key": self.key,
            "kind": self.kind,
            "branch": self.branch,
            "in_shape": list(self.in_shape),
            "out_shape": list(self.out_shape),
            "options": self.option,
            "macs": self.counts.macs,
            "macs_fvcore": self.counts.macs_fvcore,
            "params": self.counts.params,
        }
