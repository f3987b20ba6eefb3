"""How often each operator occurs in many architectures at once: one product of a sparse matrix, and no network is listed.

Slots that depend on the same choices are taken together: a row for each combination of their values says how often each operator
occurs in those slots. An architecture has one row of each such group, and the sum of its rows counts its operators.

Worked example: choices `depth` (1, 2) and `kernel` (3, 5); a first layer that depends on `kernel`, a second on `depth` and
`kernel`, and a head on nothing. The first layer and the head join the second's group, whose four rows are

    depth kernel   k3  k5  head
      1     3       1   0    1
      1     5       0   1    1
      2     3       2   0    1
      2     5       0   2    1

The architecture with digits (1, 0), depth 2 and kernel 3, has row 1 * 2 + 0 * 1 = 2: `steps` is (2, 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import product

import numpy as np
from scipy.sparse import csr_array

from supernet.operators import Operator
from supernet.slots import SlotTable


class Occurrences:
    """What every combination of choices brings; one row for each combination in each group of slots."""

    def __init__(self, table: SlotTable):
        self._table = table
        self.operators: tuple[Operator, ...] = table.operators
        """The K different operators of the family."""
        self.sizes = np.array([len(values) for values in table.choices.values()])
        """(L,) number of values of each choice."""
        labels = list(table.choices)
        groups = _groups([slot.labels for slot in table.slots])
        first, steps = np.zeros(len(groups)), np.zeros((len(labels), len(groups)))
        rows: list[np.ndarray] = []
        for g, (group, members) in enumerate(groups.items()):
            first[g] = sum(map(len, rows))
            positions = [labels.index(label) for label in group]
            digits = np.zeros((int(np.prod(self.sizes[positions])), len(labels)), int)
            digits[:, positions] = list(product(*(range(self.sizes[position]) for position in positions)))
            stride = 1
            for position in reversed(positions):
                steps[position, g] = stride
                stride *= self.sizes[position]
            rows.append(self._counted(digits, members))
        self.added = np.concatenate(rows)
        """(R, K) how often each operator occurs in the slots of a group, for each combination of its choices."""
        self.first = first
        """(G,) the first row of each group."""
        self.steps = steps
        """(L, G) how many rows further the next value of a choice (down) leads in a group (across); 0 where it does not matter there."""

    def _counted(self, digits: np.ndarray, members: Sequence[int]) -> np.ndarray:
        counts = np.zeros((len(digits), len(self.operators)))
        for member in members:
            column = self._table.column(member)
            found = column.table[column.rows(digits)]
            there = np.flatnonzero(found >= 0)
            counts[there, found[there]] += 1
        return counts

    def rows(self, choices: np.ndarray) -> csr_array:
        """(N, R) ones where an architecture has a row: times `added`, or sums over it, this counts.

        Args:
            choices: (N, L) index of the chosen value of each choice, in the family's order.

        Raises:
            ValueError: They are not integers of that shape and within range.
        """
        width = len(self.sizes)
        if choices.ndim != 2 or choices.shape[1] != width or choices.dtype.kind not in "iu":
            raise ValueError(
                f"choices must be integers of shape (N, {width}), got {choices.dtype} of {choices.shape}; Encoder.choices makes them"
            )
        outside = (choices < 0) | (choices >= self.sizes)
        if outside.any():
            i, j = np.argwhere(outside)[0]
            raise ValueError(f"choice {j} must be an index from 0 to {self.sizes[j] - 1}, got {choices[i, j]}; Encoder.choices makes them")
        # whole numbers far below 2**53: floating point is exact, and a hundred times as fast
        where = choices.astype(float) @ self.steps
        where += self.first
        where = where.astype(np.int32).ravel()
        starts = np.arange(len(choices) + 1) * len(self.first)
        return csr_array((np.ones(len(where)), where, starts), shape=(len(choices), len(self.added)))

    def listed(self, choices: np.ndarray) -> np.ndarray:
        """(N, L) choices as architectures list them, with 0 where a choice changes nothing: two spellings of one network become equal."""
        return self._table.listed(choices)

    @cached_property
    def of_branch(self) -> dict[str, np.ndarray]:
        """(K,) by branch whether each operator belongs to it."""
        return {branch: np.array([op.branch == branch for op in self.operators]) for branch in ("search", "template")}


def _groups(labels: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], list[int]]:
    """Slots, by position, that can be counted together: those whose choices are all among those of another join it."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for i in sorted(range(len(labels)), key=lambda i: -len(labels[i])):
        wider = next((group for group in groups if set(labels[i]) <= set(group)), labels[i])
        groups.setdefault(wider, []).append(i)
    return groups
