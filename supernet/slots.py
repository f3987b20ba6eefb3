"""Slots are the positions in the networks of a family, in the order of execution; each holds an operator or is empty.

A family declares L choices. A choice has a name, called its label, and a few values; an architecture has one value for each choice. A slot
lists the choices that it depends on: at most one choice of its own, such as the kernel size of the layer in this position, and a context of
other choices, such as a width that decides the shapes of its tensors or a depth that decides whether the layer exists. Given the values of
these choices, `Slot.fill` returns the operator in the slot, or None if the slot is empty.

A `SlotTable` calls `fill` once for every slot and every combination of values. Later questions are answered by look-ups. Its methods take
an architecture as L indices: the index of the chosen value among the values of each choice, in the order in which the family declares them.

Example: the choices are depth (1, 2) and kernel (3, 5), and the kernel is that of the second layer. The first slot depends on nothing. The
second slot has the kernel as its own choice and the depth as its context: it is empty for depth 1. Its table has the four entries
(depth, kernel) = (1, 3), (1, 5), (2, 3), (2, 5): empty, empty, the layer with kernel 3, the layer with kernel 5.
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
    """Part of the network that it belongs to, as a path of modules with dots: `backbone`, `fusion`, `heads.cls`. The operators of one part
    form a chain, in which each takes the output of the one before."""
    fill: Callable[..., Operator | None]
    """Called with one value for each of `labels`, in that order. Returns the operator, or None if the slot is empty."""
    label: str | None = None
    """Label of the choice of its own, which selects the operator of this slot alone; None if it has none."""
    context: tuple[str, ...] = ()
    """Labels of the other choices that it depends on."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of all choices that it depends on: the context, then its own."""
        return self.context if self.label is None else (*self.context, self.label)


class SlotLookup:
    """Table of the operator in one slot for every combination of values of the choices that the slot depends on."""

    def __init__(self, choices: Sequence[int], sizes: Sequence[int], operators: Sequence[int]):
        """Store the flat table and its strides.

        Args:
            choices: The choices that the slot depends on, as positions among the choices of the family.
            sizes: Number of values of each of these choices.
            operators: One entry for every combination, the last choice changing fastest: the operator's index in `SlotTable.operators`, or
                -1 if the slot is empty.
        """
        self.sizes = tuple(sizes)
        self.choices = np.array(choices, int)
        self.strides = np.array([prod(sizes[i + 1 :]) for i in range(len(sizes))], int)
        """Stride of each choice: the distance in the table between entries of neighbouring values."""
        self.table = np.array(operators, int)
        self._list = list(operators)
        self._pairs = list(zip(choices, self.strides.tolist(), strict=True))

    def rows(self, indices: np.ndarray) -> np.ndarray:
        """(N,) entries of the table, by number, for N architectures given as (N, L) indices."""
        rows = np.zeros(len(indices), int)
        for choice, stride in zip(self.choices, self.strides, strict=True):  # NumPy multiplies matrices of integers half as fast
            rows += indices[:, choice] * stride
        return rows

    def row(self, indices: Sequence[int]) -> int:
        """The same as `rows` for one architecture given as L indices; faster, without NumPy's overhead."""
        row = 0
        for choice, stride in self._pairs:
            row += indices[choice] * stride
        return row

    def operator(self, indices: Sequence[int]) -> int:
        """Index of the operator that an architecture, given as L indices, has in this slot; -1 if the slot is empty."""
        return self._list[self.row(indices)]


class SlotTable:
    """The operators of all slots of a family, for every combination of values of the choices."""

    def __init__(self, choices: Mapping[str, tuple[Value, ...]], slots: Sequence[Slot]):
        """Call `fill` of every slot with every combination of the values that it depends on.

        Args:
            choices: Possible values of each choice, by label.
            slots: All slots, in the order of execution.

        Raises:
            ValueError: A slot depends on a choice that the family does not declare, or two operators with inputs of different shapes have
                the same key.
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
                    raise ValueError(f"operators with different inputs must have different keys, {op.key} has several; give them an option")
            filled.append([None if op is None else op.key for op in operators])
        self.operators: tuple[Operator, ...] = tuple(found[key] for key in sorted(found))
        """The K different operators, in the order of their keys."""
        index: dict[str | None, int] = {op.key: i for i, op in enumerate(self.operators)} | {None: -1}
        self._lookups = []
        for slot, keys in zip(slots, filled, strict=True):
            sizes = [len(choices[label]) for label in slot.labels]
            self._lookups.append(SlotLookup([labels.index(label) for label in slot.labels], sizes, [index[key] for key in keys]))

    def lookup(self, slot: int) -> SlotLookup:
        """The look-up table of a slot, which is given by its position in `slots`."""
        return self._lookups[slot]

    def offered(self, slot: int) -> list[Operator]:
        """Every different operator that a slot can hold; the slot is given by its position in `slots`."""
        return [self.operators[i] for i in dict.fromkeys(self._lookups[slot].table.tolist()) if i >= 0]

    def filled(self, indices: Sequence[int]) -> list[tuple[Slot, Operator]]:
        """The slots of one architecture that are not empty, in the order of execution, each with its operator.

        Args:
            indices: L indices of the chosen values.
        """
        found = (lookup.operator(indices) for lookup in self._lookups)
        return [(slot, self.operators[i]) for slot, i in zip(self.slots, found, strict=True) if i >= 0]

    def canonical(self, indices: np.ndarray) -> np.ndarray:
        """Return indices in which every choice that has no effect on the network has its first value, index 0.

        A choice has no effect if, with all other choices fixed, each slot that depends on it holds the same operator, or is empty, for all
        of its values. A choice that no slot depends on is kept: the family may use it elsewhere, as it uses the search size.

        In the example above the kernel has no effect if the depth is 1. So the indices (0, 1) of depth 1 and kernel 5 become (0, 0), and
        (1, 1) stays.

        Args:
            indices: (N, L) indices of N architectures.

        Returns:
            (N, L) indices; `indices` is not changed.
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
        """The choices that have no effect in some architectures, by position among the choices of the family.

        Each is listed with the slots that depend on it: the slot's look-up table, and for every entry of it whether the choice matters.
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
                elif matters.any():  # slots of both branches often have identical masks, of which one is kept
                    masks.setdefault((*lookup.choices.tolist(), matters.tobytes()), (lookup, matters))
        return {choice: list(masks.values()) for choice, masks in sorted(found.items()) if choice not in always}
