"""How often each operator occurs in many architectures at once: one product of a sparse matrix, and no network is listed.

Given the choices that it depends on (`family.contexts`), a choice brings the same operators whatever the others are. So an
architecture's operators are those of the first one plus, choice by choice, what changing it brings and takes away. These few
thousand differences are read off `family.operators`, once for each family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from scipy.sparse import csr_array

from latency_tables.measuring.chains import all_operators
from supernet.families import LightTrackFamily
from supernet.operators import Operator
from supernet.space import Value


@dataclass(frozen=True)
class Occurrences:
    """What every choice of a family adds to an architecture; one row for each value in each context."""

    operators: tuple[Operator, ...]
    """The K different operators of the family."""
    added: np.ndarray
    """(R, K) how much more often each operator occurs than with the choice's first value; the first choice brings the rest as well."""
    value: np.ndarray
    """(R,) index of the value that an architecture lists: the first where the choice changes nothing."""
    sizes: np.ndarray
    """(L,) number of values of each choice."""
    first: np.ndarray
    """(L,) row of each choice's first value in its first context."""
    steps: np.ndarray
    """(L, L) how many rows further the next value of one choice (down) leads in the rows of another (across)."""

    def rows(self, choices: np.ndarray) -> csr_array:
        """(N, R) ones where a choice of an architecture has its row: times `added`, or sums over it, this counts.

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
        where = (choices.astype(float) @ self.steps + self.first).astype(np.int32).ravel()
        starts = np.arange(len(choices) + 1) * width
        return csr_array((np.ones(len(where)), where, starts), shape=(len(choices), len(self.value)))

    def listed(self, rows: csr_array) -> np.ndarray:
        """(N, L) indices of values as architectures list them, from what `rows` returned: two spellings of one network become equal."""
        return self.value[rows.indices].reshape(-1, len(self.sizes))


@cache
def occurrences(family: LightTrackFamily) -> Occurrences:
    """Ask a family about every value in every context."""
    operators = all_operators(family)
    place = {op: i for i, op in enumerate(operators)}
    choices = family.space.choices
    labels = list(choices)
    base = {label: values[0] for label, values in choices.items()}

    def count(changes: Mapping[str, Value]) -> tuple[np.ndarray, dict[str, Value]]:
        architecture = family.architecture({**base, **changes})
        found = [place[op] for op in family.operators(architecture)]
        return np.bincount(found, minlength=len(operators)), dict(architecture.choices)

    added: list[np.ndarray] = []
    value: list[int] = []
    first, steps = np.zeros(len(labels)), np.zeros((len(labels), len(labels)))
    for j, (label, values) in enumerate(choices.items()):
        around = family.contexts[label]
        first[j] = len(added)
        stride = 1
        for other in (label, *reversed(around)):
            steps[labels.index(other), j] = stride
            stride *= len(choices[other])
        for context in product(*(choices[other] for other in around)):
            counted = [count({**dict(zip(around, context, strict=True)), label: v}) for v in values]
            added += [counts - counted[0][0] for counts, _ in counted]
            value += [values.index(listed[label]) for _, listed in counted]
    sizes = np.array([len(values) for values in choices.values()])
    table = np.array(added)
    table[: int(first[1])] += count({})[0]
    return Occurrences(operators, table, np.array(value), sizes, first, steps)
