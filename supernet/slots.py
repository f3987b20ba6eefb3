"""Slots: the positions in the networks of a family, in the order of execution, and the operator that stands in each.

A family declares choices. A choice has a label and a few values, and an architecture has one chosen value for each choice. A slot
says on which choices it depends: at most one choice of its own, such as the kernel size of this layer, and a context of other
choices that decide its shape or whether it is built at all, such as a width or a depth. For the values of these choices it gives the
operator that stands there, or nothing.

A `SlotTable` asks every slot for every combination of the values that it depends on, once. Afterwards operators are looked up. It takes
architectures as indices: for each of the L choices, in the order of the family, the position of the chosen value among its values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod

import numpy as np

from supernet.operators import Branch, Operator
from supernet.space import Value


@dataclass(frozen=True)
class Slot:
    """A position in the networks of a family."""

    branch: Branch
    name: str
    """Unique within its branch. Slots of the template and the search branch that have the same name share their weights."""
    part: str
    """Part of the network that it belongs to, as a path of modules: `backbone`, `fusion`, `heads.cls`. Operators of one part run one
    after the other."""
    fill: Callable[..., Operator | None]
    """Called with one value for each of `labels`, in that order. Returns the operator, or None if the slot is empty."""
    label: str | None = None
    """Label of its own choice; None where it has none."""
    context: tuple[str, ...] = ()
    """Labels of the other choices that it depends on."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of all choices that it depends on: the context, then its own."""
        return self.context if self.label is None else (*self.context, self.label)


class SlotLookup:
    """Which operator stands in one slot, for every combination of the choices that it depends on."""

    def __init__(self, choices: Sequence[int], sizes: Sequence[int], operators: Sequence[int]):
        """Flatten the combinations into one table.

        Args:
            choices: Positions, among the choices of the family, of those that the slot depends on.
            sizes: Number of values of each of them.
            operators: Index of the operator for every combination, the last choice changing fastest; -1 where the slot is empty.
        """
        self.sizes = tuple(sizes)
        self.choices = np.array(choices, int)
        self.strides = np.array([prod(sizes[i + 1 :]) for i in range(len(sizes))], int)
        """Distance in the table between neighbouring values of each choice."""
        self.table = np.array(operators, int)
        self._list = list(operators)
        self._pairs = list(zip(choices, self.strides.tolist(), strict=True))

    def rows(self, indices: np.ndarray) -> np.ndarray:
        """(N,) positions in the table of N architectures given as (N, L) indices."""
        rows = np.zeros(len(indices), int)
        for choice, stride in zip(self.choices, self.strides, strict=True):  # products of integer matrices take twice as long
            rows += indices[:, choice] * stride
        return rows

    def row(self, indices: Sequence[int]) -> int:
        """Position in the table of one architecture given as L indices; a fast `rows` without NumPy's overhead."""
        row = 0
        for choice, stride in self._pairs:
            row += indices[choice] * stride
        return row

    def operator(self, indices: Sequence[int]) -> int:
        """Index of the operator of one architecture given as L indices; -1 where the slot is empty."""
        return self._list[self.row(indices)]


class SlotTable:
    """The operators of all slots of a family, for every combination of choices."""

    def __init__(self, choices: Mapping[str, tuple[Value, ...]], slots: Sequence[Slot]):
        """Call `fill` of every slot with every combination of the values that it depends on.

        Args:
            choices: Possible values of each choice, by label.
            slots: All slots, in the order of execution.

        Raises:
            ValueError: A slot depends on a choice that the family does not declare, or two operators with different inputs have the same
                key.
        """
        self.choices = choices
        self.slots = tuple(slots)
        labels = list(choices)
        unknown = {label for slot in slots for label in slot.labels} - choices.keys()
        if unknown:
            raise ValueError(f"slots must depend on choices that their family declares, got {', '.join(sorted(unknown))}; declare them")
        found: dict[str, Operator] = {}
        filled: list[list[str | None]] = []
        for slot in slots:
            operators = [slot.fill(*values) for values in product(*(choices[label] for label in slot.labels))]
            for op in operators:
                if op is not None and found.setdefault(op.key, op).input_shapes != op.input_shapes:
                    raise ValueError(f"operators with different inputs must have different keys, {op.key} has several; add an option")
            filled.append([None if op is None else op.key for op in operators])
        self.operators: tuple[Operator, ...] = tuple(found[key] for key in sorted(found))
        """The K different operators, in the order of their keys."""
        index: dict[str | None, int] = {op.key: i for i, op in enumerate(self.operators)} | {None: -1}
        self._lookups = []
        for slot, keys in zip(slots, filled, strict=True):
            sizes = [len(choices[label]) for label in slot.labels]
            self._lookups.append(SlotLookup([labels.index(label) for label in slot.labels], sizes, [index[key] for key in keys]))

    def lookup(self, slot: int) -> SlotLookup:
        """The table of the slot at this position."""
        return self._lookups[slot]

    def offered(self, slot: int) -> list[Operator]:
        """Every different operator that the slot at this position may hold."""
        return [self.operators[i] for i in dict.fromkeys(self._lookups[slot].table.tolist()) if i >= 0]

    def filled(self, indices: Sequence[int]) -> list[tuple[Slot, Operator]]:
        """The slots of one architecture that are not empty, each with its operator.

        Args:
            indices: L indices of the chosen values.
        """
        found = (lookup.operator(indices) for lookup in self._lookups)
        return [(slot, self.operators[i]) for slot, i in zip(self.slots, found, strict=True) if i >= 0]

    def canonical(self, indices: np.ndarray) -> np.ndarray:
        """Set to 0 every choice that has no effect on the network, given the others.

        A choice has no effect if every slot that depends on it holds the same operator for all of its values. A choice that no slot
        depends on is kept: the family may use it elsewhere. Example: the kernel of a second layer has no effect if the depth is 1.

        Args:
            indices: (N, L) of N architectures.

        Returns:
            (N, L), a copy.
        """
        indices = np.array(indices)
        for choice, tables in self._sometimes_without_effect.items():
            used = np.zeros(len(indices), bool)
            for lookup, matters in tables:
                used |= matters[lookup.rows(indices)]
            indices[:, choice] *= used
        return indices

    def canonical_one(self, indices: Sequence[int]) -> list[int]:
        """The same as `canonical` for one architecture, given as L indices; faster, without NumPy's overhead."""
        canonical = list(indices)
        for choice, tables in self._sometimes_without_effect.items():
            for lookup, matters in tables:
                if matters[lookup.row(canonical)]:
                    break
            else:
                canonical[choice] = 0
        return canonical

    @cached_property
    def _sometimes_without_effect(self) -> dict[int, list[tuple[SlotLookup, np.ndarray]]]:
        """The choices that may have no effect, by position.

        For each choice it lists the slots that depend on it. A mask says for each row of the slot's table whether the choice matters there.
        """
        found: dict[int, dict[tuple, tuple[SlotLookup, np.ndarray]]] = {}
        always = set()
        for lookup in self._lookups:
            table = lookup.table.reshape(lookup.sizes)
            for axis, choice in enumerate(map(int, lookup.choices)):
                masks = found.setdefault(choice, {})
                matters = np.broadcast_to((table != table.take([0], axis)).any(axis=axis, keepdims=True), table.shape).ravel()
                if matters.all():
                    always.add(choice)
                elif matters.any():  # slots of both branches often have identical masks; one is enough
                    masks.setdefault((*lookup.choices.tolist(), matters.tobytes()), (lookup, matters))
        return {choice: list(masks.values()) for choice, masks in sorted(found.items()) if choice not in always}
