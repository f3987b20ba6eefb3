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
"""The branch that costs most comes first: `search` runs on every frame, `template` once for each target."""
Shape = tuple[int, ...]
"""Shape of a tensor without the batch: (C, H, W) for a feature map, (N, C) for tokens."""
Option = int | float | str


@dataclass(frozen=True)
class Operator:
    """One operator with everything that its cost depends on, and nothing else."""

    kind: str
    """Kind of operator, as its family calls it, e.g. `mbconv`."""
    branch: Branch
    in_shape: Shape
    """Shape of the input, or of the first one if there are several."""
    out_shape: Shape
    """Shape of the output."""
    options: tuple[tuple[str, Option], ...] = ()
    """(name, value) of whatever else the cost depends on, such as kernel, expansion or stride. Operators with different `others` must
    differ here too, since `others` are not part of the key."""
    make: Callable[[Operator], nn.Module] = field(kw_only=True, compare=False, repr=False)
    """Called with the operator; builds its module, with random weights."""
    others: tuple[Shape, ...] = field(default=(), kw_only=True, compare=False)
    """Shapes of further inputs, such as the template's features."""
    kept: Mapping[str, Counts] = field(default_factory=dict, kw_only=True, compare=False, repr=False)
    """Known counts of operators, by key. They save building and tracing an operator, which takes milliseconds."""

    @cached_property
    def key(self) -> str:
        """Text that identifies the operator within its family, e.g. `search:mbconv:24x64x64>40x32x32:kernel=5,expansion=4,stride=2`."""
        shapes = ">".join("x".join(map(str, shape)) for shape in (self.in_shape, self.out_shape))
        return f"{self.branch}:{self.kind}:{shapes}:" + ",".join(f"{name}={value}" for name, value in self.options)

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """Shapes of all inputs, in the order in which the module takes them."""
        return (self.in_shape, *self.others)

    @cached_property
    def option(self) -> dict[str, Option]:
        """The options by name."""
        return dict(self.options)

    @cached_property
    def counts(self) -> Counts:
        """Multiply-adds, parameters and live elements at batch size 1; taken from `kept` if it has them."""
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
