"""Operators inside chains: what one costs among neighbours, not alone.

Alone, an operator also pays for a call and for reordering its input and output, which a network pays once. Two schemes avoid it:

- The shape stays: half the difference of a chain of three copies and one copy.
- It changes: `A X B` less half of `A A` less half of `B B`, where A and B keep their shapes and are what X meets in a
  network. Call and reordering cancel. At the ends of a network A or B is missing, and X keeps what it pays there.

Source: slopes of repeated blocks as in nn-Meter's and LightTrack-style tables; measured against whole networks by
benchmarks/latency.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from supernet.deploy.model import Model, with_ruled_weights
from supernet.families.family import Family
from supernet.operators import Operator


@dataclass(frozen=True)
class Chain:
    """Operators run one after the other as one graph; further inputs (of a fusion) are inputs of the graph."""

    operators: tuple[Operator, ...]

    @property
    def name(self) -> str:
        """Readable and unique."""
        return "chain:" + " ".join(op.key for op in self.operators)

    @property
    def model(self) -> Model:
        """The chain with random weights."""
        shapes = {"input": self.operators[0].in_shape}
        shapes |= {f"side_{i}": shape for i, op in enumerate(self.operators) for shape in op.others}

        def make() -> nn.Module:
            return with_ruled_weights(self.name, _Chained(self.operators))

        return Model(self.name, make, {name: (1, *shape) for name, shape in shapes.items()}, ("output",))


class _Chained(nn.Module):
    def __init__(self, operators: Sequence[Operator]):
        super().__init__()
        self.blocks = nn.ModuleList(op.build() for op in operators)
        self.sides = [len(op.others) for op in operators]

    def forward(self, x, *rest):
        for block, sides in zip(self.blocks, self.sides, strict=True):
            x, rest = block(x, *rest[:sides]), rest[sides:]
        return x


Recipe = tuple[tuple[float, Chain], ...]
"""Weights and chains whose weighted sum of times is the cost of one operator."""


def recipe(op: Operator, family: Family) -> Recipe:
    """How to measure one operator.

    Args:
        op: The operator.
        family: Among whose operators the neighbours are found.
    """
    if _keeps_shape(op):
        return ((0.5, Chain((op, op, op))), (-0.5, Chain((op,))))

    def steps(a: Operator, b: Operator) -> int:
        """How many kinds further down a network b is than a; negative where b comes first."""
        return family.kinds.index(b.kind) - family.kinds.index(a.kind)

    same = [other for other in family.all_operators if other.branch == op.branch and _keeps_shape(other)]
    before = [o for o in same if o.out_shape == op.in_shape and steps(o, op) >= 0]
    after = [o for o in same if o.in_shape == op.out_shape and steps(op, o) >= 0]
    lead = min(before, key=lambda o: (steps(o, op), o.counts.macs, o.key), default=None)
    tail = min(after, key=lambda o: (steps(op, o), o.counts.macs, o.key), default=None)
    whole = Chain(tuple(o for o in (lead, op, tail) if o))
    return ((1.0, whole), *((-0.5, Chain((o, o))) for o in (lead, tail) if o))


def _keeps_shape(op: Operator) -> bool:
    return op.in_shape == op.out_shape and not op.others
