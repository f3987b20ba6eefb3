"""How often each operator occurs in many architectures at once, by one product with a sparse matrix and without building a network.

Slots are counted in groups: a slot joins a group whose choices include all of its own. A group has a row for each combination of its
choices, which says how often each operator occurs in its slots. An architecture selects one row of each group; the sum of these rows
counts its operators.

Worked example: the choices `depth` (1, 2) and `kernel` (3, 5). A first layer depends on `kernel`. A second one is present only at depth 2,
with the same operator, and depends on both. A head depends on nothing. The first layer and the head join the group of the second, whose
four rows are

    depth kernel   k3  k5  head
      1     3       1   0    1
      1     5       0   1    1
      2     3       2   0    1
      2     5       0   2    1

From one depth to the next it is 2 rows, from one kernel to the next 1 row: these are the strides. The architecture with depth 2 and
kernel 3 has the indices (1, 0), so it selects row 1 * 2 + 0 * 1 = 2.

In what follows there are N architectures, L choices, G groups with R rows in all, and K operators.
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
    """Counts of operators for every combination of choices, by group of slots."""

    def __init__(self, table: SlotTable):
        self._table = table
        self.operators: tuple[Operator, ...] = table.operators
        """The K different operators of the family."""
        self.sizes = np.array([len(values) for values in table.choices.values()])
        """(L,) number of values of each choice."""
        labels = list(table.choices)
        groups = _groups([slot.labels for slot in table.slots])
        offsets, strides = np.zeros(len(groups)), np.zeros((len(labels), len(groups)))
        rows: list[np.ndarray] = []
        for g, (group, members) in enumerate(groups.items()):
            offsets[g] = sum(map(len, rows))
            positions = [labels.index(label) for label in group]
            indices = np.zeros((int(np.prod(self.sizes[positions])), len(labels)), int)
            indices[:, positions] = list(product(*(range(self.sizes[position]) for position in positions)))
            stride = 1
            for position in reversed(positions):
                strides[position, g] = stride
                stride *= self.sizes[position]
            rows.append(self._counted(indices, members))
        self.counts = np.concatenate(rows)
        """(R, K) how often each operator occurs in the slots of a group, for each combination of its choices."""
        self.offsets = offsets
        """(G,) the first row of each group; whole numbers as floats, for speed."""
        self.strides = strides
        """(L, G) distance in rows between neighbouring values of a choice in a group; 0 if the group does not depend on the choice."""

    def _counted(self, indices: np.ndarray, members: Sequence[int]) -> np.ndarray:
        counts = np.zeros((len(indices), len(self.operators)))
        for member in members:
            lookup = self._table.lookup(member)
            found = lookup.table[lookup.rows(indices)]
            there = np.flatnonzero(found >= 0)
            counts[there, found[there]] += 1
        return counts

    def selection(self, indices: np.ndarray) -> csr_array:
        """The rows that architectures select, as a matrix: multiply it by `counts` to get the (N, K) counts of operators.

        Args:
            indices: (N, L) index of the chosen value of each choice, in the family's order.

        Returns:
            (N, R), sparse, with a 1 for each row that an architecture selects.

        Raises:
            ValueError: `indices` is not an array of integers of that shape, or one is out of range.
        """
        width = len(self.sizes)
        if indices.ndim != 2 or indices.shape[1] != width or indices.dtype.kind not in "iu":
            raise ValueError(
                f"choices must be integers of shape (N, {width}), got {indices.dtype} of {indices.shape}; Encoder.choices makes them"
            )
        outside = (indices < 0) | (indices >= self.sizes)
        if outside.any():
            i, j = np.argwhere(outside)[0]
            raise ValueError(f"choice {j} must be an index from 0 to {self.sizes[j] - 1}, got {indices[i, j]}; Encoder.choices makes them")
        # whole numbers far below 2**53: floating point is exact, and a hundred times as fast as a product of integer matrices
        where = indices.astype(float) @ self.strides
        where += self.offsets
        where = where.astype(np.int32).ravel()
        starts = np.arange(len(indices) + 1) * len(self.offsets)
        return csr_array((np.ones(len(where)), where, starts), shape=(len(indices), len(self.counts)))

    def canonical(self, indices: np.ndarray) -> np.ndarray:
        """(N, L) indices with 0 for every choice that has no effect; see `SlotTable.canonical`."""
        return self._table.canonical(indices)

    @cached_property
    def of_branch(self) -> dict[str, np.ndarray]:
        """For each branch a (K,) mask of its operators."""
        return {branch: np.array([op.branch == branch for op in self.operators]) for branch in ("search", "template")}


def _groups(labels: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], list[int]]:
    """Positions of the slots of each group, by the labels of its choices."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for i in sorted(range(len(labels)), key=lambda i: -len(labels[i])):
        wider = next((group for group in groups if set(labels[i]) <= set(group)), labels[i])
        groups.setdefault(wider, []).append(i)
    return groups
