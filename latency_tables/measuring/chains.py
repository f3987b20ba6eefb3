"""Chains of operators: an operator's cost among neighbours, as a weighted sum of the times of chains that are timed as one graph.

An operator that is timed alone also pays the fixed costs of a call and of reordering its input and output, which a whole network
pays only once. Two schemes avoid this:

- An operator that keeps the shape costs half the difference between a chain of three copies and a single copy. Example: 1.3 ms for
  three and 0.5 ms for one give (1.3 - 0.5) / 2 = 0.4 ms.
- An operator X that changes the shape costs `A X B` minus half of `A A` minus half of `B B`, where A and B keep their shapes and
  are neighbours that X meets in a network. Example: 1.0 ms for `A X B`, 0.6 ms for `A A` and 0.4 ms for `B B` give
  1.0 - 0.3 - 0.2 = 0.5 ms. The fixed costs cancel, since 1 - 1/2 - 1/2 = 0. If there is no A or no B, as at the ends of a network,
  its term is left out, and half of the fixed costs stay with X.

Source: slopes of repeated blocks as in nn-Meter's and LightTrack-style tables; measured against whole networks by
benchmarks/latency.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from supernet.deploy.model import Model, with_reproducible_weights
from supernet.families.family import Family
from supernet.operators import Operator


@dataclass(frozen=True)
class Chain:
    """Operators that run one after the other as one graph; further inputs of an operator (of a fusion) are inputs of the graph."""

    operators: tuple[Operator, ...]

    @property
    def name(self) -> str:
        """Name of the chain's model, made from the operators' keys and so unique, e.g. `chain:KEY KEY KEY`."""
        return "chain:" + " ".join(op.key for op in self.operators)

    @property
    def model(self) -> Model:
        """The chain as a model, with pseudo-random weights that its name fixes."""
        shapes = {"input": self.operators[0].in_shape}
        shapes |= {f"side_{i}": shape for i, op in enumerate(self.operators) for shape in op.others}

        def make() -> nn.Module:
            return with_reproducible_weights(self.name, _Chained(self.operators))

        return Model(self.name, make, {name: (1, *shape) for name, shape in shapes.items()}, ("output",))


class _Chained(nn.Module):
    """Runs operators one after the other; takes the input of the first one, then the further inputs of each in order."""

    def __init__(self, operators: Sequence[Operator]):
        super().__init__()
        self.blocks = nn.ModuleList(op.build() for op in operators)
        self.sides = [len(op.others) for op in operators]

    def forward(self, x, *rest):
        for block, sides in zip(self.blocks, self.sides, strict=True):
            x, rest = block(x, *rest[:sides]), rest[sides:]
        return x


Recipe = tuple[tuple[float, Chain], ...]
"""Pairs of a weight and a chain: the weighted sum of the chains' times is the cost of one operator."""


def recipe(op: Operator, family: Family) -> Recipe:
    """The chains to time for one operator, with their weights.

    Args:
        op: The operator.
        family: Family whose operators may be the neighbours. A neighbour is the cheapest (in multiply-adds) of the nearest kind that
            fits, before or behind the operator in the order of `family.kinds`.
    """
    if _keeps_shape(op):
        return ((0.5, Chain((op, op, op))), (-0.5, Chain((op,))))

    def steps(a: Operator, b: Operator) -> int:
        """Number of kinds from a's to b's in the order of a network; negative if b's comes first."""
        return family.kinds.index(b.kind) - family.kinds.index(a.kind)

    same = [other for other in family.all_operators if other.branch == op.branch and _keeps_shape(other)]
    before = [o for o in same if o.out_shape == op.in_shape and steps(o, op) >= 0]
    after = [o for o in same if o.in_shape == op.out_shape and steps(op, o) >= 0]
    lead = min(before, key=lambda o: (steps(o, op), o.counts.macs, o.key), default=None)
    tail = min(after, key=lambda o: (steps(op, o), o.counts.macs, o.key), default=None)
    whole = Chain(tuple(o for o in (lead, op, tail) if o))
    return ((1.0, whole), *((-0.5, Chain((o, o))) for o in (lead, tail) if o))


def _keeps_shape(op: Operator) -> bool:
    """Whether copies of an operator can follow each other: one input, and an output of the same shape."""
    return op.in_shape == op.out_shape and not op.others
