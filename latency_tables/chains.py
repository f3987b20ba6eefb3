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
from functools import cache

from torch import nn

from latency_tables.model import Model
from supernet.families import LightTrackFamily
from supernet.operators import KINDS, Operator
from supernet.space import Architecture


@dataclass(frozen=True)
class Chain:
    """Operators run one after the other as one graph; second inputs (of `join`) are inputs of the graph."""

    operators: tuple[Operator, ...]

    @property
    def name(self) -> str:
        """Readable and unique."""
        return "chain:" + " ".join(op.key for op in self.operators)

    @property
    def model(self) -> Model:
        """The chain with random weights."""
        shapes = {"input": self.operators[0].input_shapes[0]}
        shapes |= {f"side_{i}": shape for i, op in enumerate(self.operators) for shape in op.input_shapes[1:]}
        return Model(self.name, lambda: _Chained(self.operators), {name: (1, *shape) for name, shape in shapes.items()}, ("output",))


class _Chained(nn.Module):
    def __init__(self, operators: Sequence[Operator]):
        super().__init__()
        self.blocks = nn.ModuleList(op.build() for op in operators)
        self.sides = [len(op.input_shapes) - 1 for op in operators]

    def forward(self, x, *rest):
        for block, sides in zip(self.blocks, self.sides, strict=True):
            x, rest = block(x, *rest[:sides]), rest[sides:]
        return x


Recipe = tuple[tuple[float, Chain], ...]
"""Weights and chains whose weighted sum of times is the cost of one operator."""


def recipe(op: Operator, operators: Sequence[Operator]) -> Recipe:
    """How to measure one operator.

    Args:
        op: The operator.
        operators: All operators of the family, among which the neighbours are found.
    """
    if _keeps_shape(op):
        return ((0.5, Chain((op, op, op))), (-0.5, Chain((op,))))
    same = [other for other in operators if other.branch == op.branch and _keeps_shape(other)]
    before = [o for o in same if o.out_shape == op.in_shape and _steps(o, op) >= 0]
    after = [o for o in same if o.in_shape == op.out_shape and _steps(op, o) >= 0]
    lead = min(before, key=lambda o: (_steps(o, op), o.counts.macs, o.key), default=None)
    tail = min(after, key=lambda o: (_steps(op, o), o.counts.macs, o.key), default=None)
    whole = Chain(tuple(o for o in (lead, op, tail) if o))
    return ((1.0, whole), *((-0.5, Chain((o, o))) for o in (lead, tail) if o))


def _keeps_shape(op: Operator) -> bool:
    return op.in_shape == op.out_shape and len(op.input_shapes) == 1


def _steps(a: Operator, b: Operator) -> int:
    """How many kinds further down a network b is than a; negative where b comes first."""
    order = list(KINDS)
    return order.index(b.kind) - order.index(a.kind)


@cache
def all_operators(family: LightTrackFamily) -> tuple[Operator, ...]:
    """Every different operator of a family, in the order of their keys.

    Starts from one architecture and changes one choice at a time; an architecture that brings a new operator is a new start.
    """
    base = family.architecture({label: values[0] for label, values in family.space.choices.items()})
    found: set[Operator] = set()
    starts = [base]
    while starts:
        start = starts.pop()
        for architecture in (start, *_variations(family, start)):
            operators = set(family.operators(architecture))
            if not operators <= found:
                found |= operators
                starts.append(architecture)
    return tuple(sorted(found, key=lambda op: op.key))


def _variations(family: LightTrackFamily, start: Architecture) -> list[Architecture]:
    chosen = dict(start.choices)
    return [family.architecture({**chosen, label: value}) for label, values in family.space.choices.items() for value in values]
