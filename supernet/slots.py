"""Slots: what a family's networks consist of, in the order of execution, as one statement from which everything else follows.

A slot is a position in the network. Which operator stands there, if any, depends on a few choices: one that chooses among its
options (the kernel of this very layer), and a context that decides shapes or whether the layer is built at all (the width of the
tower, the searched exit). A `SlotTable` lists the operator of every slot for every combination of those choices, so that operators
are looked up and never derived twice.
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
    """Unique within its branch. Slots of both branches that bear one name share their weights."""
    place: str
    """Part of the network that it belongs to, as a path of modules: `backbone`, `fusion`, `heads.cls`. Operators of one place run
    one after the other."""
    fill: Callable[..., Operator | None]
    """The values of `labels` to the operator; None where nothing stands there."""
    label: str | None = None
    """The choice among its options; None where it has none of its own."""
    context: tuple[str, ...] = ()
    """Other choices that it depends on."""

    @property
    def labels(self) -> tuple[str, ...]:
        """All choices that decide what stands here: the context, then its own."""
        return self.context if self.label is None else (*self.context, self.label)

    @property
    def part(self) -> str:
        """The coarse part of the network, e.g. `heads` for the place `heads.cls`."""
        return self.place.partition(".")[0]


class _Column:
    """The operators of one slot by the digits of its choices."""

    def __init__(self, positions: Sequence[int], sizes: Sequence[int], operators: Sequence[int]):
        """Keep a slot's row of the table.

        Args:
            positions: Of its labels among the choices of the family.
            sizes: Number of values of each.
            operators: Index of the operator for every combination, the last label changing fastest; -1 where nothing stands there.
        """
        self.sizes = tuple(sizes)
        self.choices = np.array(positions, int)
        self.steps = np.array([prod(sizes[i + 1 :]) for i in range(len(sizes))], int)
        """How far the next value of each label leads in the table."""
        self.table = np.array(operators, int)
        self._list = list(operators)
        self._pairs = list(zip(positions, self.steps.tolist(), strict=True))

    def rows(self, digits: np.ndarray) -> np.ndarray:
        """(N,) rows of the table for (N, L) digits."""
        rows = np.zeros(len(digits), int)
        for choice, step in zip(self.choices, self.steps, strict=True):  # products of integer matrices take twice as long
            rows += digits[:, choice] * step
        return rows

    def row(self, digits: Sequence[int]) -> int:
        """The same for one architecture, without NumPy's overhead."""
        row = 0
        for choice, step in self._pairs:
            row += digits[choice] * step
        return row

    def at(self, digits: Sequence[int]) -> int:
        """Index of the operator of one architecture; -1 where nothing stands there."""
        return self._list[self.row(digits)]


class SlotTable:
    """The operators of every slot of a family for every combination of the choices that it depends on."""

    def __init__(self, choices: Mapping[str, tuple[Value, ...]], slots: Sequence[Slot]):
        """Ask every slot for every combination.

        Args:
            choices: Values by label.
            slots: In the order of execution.

        Raises:
            ValueError: A slot depends on a choice that there is not, or two different operators have one key.
        """
        self.choices = choices
        self.slots = tuple(slots)
        labels = list(choices)
        unknown = {label for slot in slots for label in slot.labels} - choices.keys()
        if unknown:
            raise ValueError(f"slots must depend on choices of their family, {', '.join(sorted(unknown))} are none; declare them")
        found: dict[str, Operator] = {}
        filled: list[list[str | None]] = []
        for slot in slots:
            operators = [slot.fill(*values) for values in product(*(choices[label] for label in slot.labels))]
            for op in operators:
                if op is not None and found.setdefault(op.key, op).input_shapes != op.input_shapes:
                    raise ValueError(
                        f"an operator's key must tell it from all others, {op.key} has several inputs; name them in its options"
                    )
            filled.append([None if op is None else op.key for op in operators])
        self.operators: tuple[Operator, ...] = tuple(found[key] for key in sorted(found))
        """The K different operators, in the order of their keys."""
        index: dict[str | None, int] = {op.key: i for i, op in enumerate(self.operators)} | {None: -1}
        self._columns = []
        for slot, keys in zip(slots, filled, strict=True):
            sizes = [len(choices[label]) for label in slot.labels]
            self._columns.append(_Column([labels.index(label) for label in slot.labels], sizes, [index[key] for key in keys]))

    def column(self, slot: int) -> _Column:
        """The table of one slot by its position."""
        return self._columns[slot]

    def offered(self, slot: int) -> list[Operator]:
        """Every different operator that a slot, given by its position, may hold."""
        return [self.operators[i] for i in dict.fromkeys(self._columns[slot].table.tolist()) if i >= 0]

    def filled(self, digits: Sequence[int]) -> list[tuple[Slot, Operator]]:
        """The slots of an architecture, given as L digits, where something stands, with the operator."""
        places = (column.at(digits) for column in self._columns)
        return [(slot, self.operators[i]) for slot, i in zip(self.slots, places, strict=True) if i >= 0]

    def listed(self, digits: np.ndarray) -> np.ndarray:
        """(N, L) digits with 0 for every choice that changes nothing, from (N, L) digits: two spellings of one network become equal."""
        digits = np.array(digits)
        for choice, tables in self._sometimes_unused.items():
            used = np.zeros(len(digits), bool)
            for column, matters in tables:
                used |= matters[column.rows(digits)]
            digits[:, choice] *= used
        return digits

    def listed_once(self, digits: Sequence[int]) -> list[int]:
        """The same for the L digits of one architecture."""
        listed = list(digits)
        for choice, tables in self._sometimes_unused.items():
            for column, matters in tables:
                if matters[column.row(listed)]:
                    break
            else:
                listed[choice] = 0
        return listed

    @cached_property
    def _sometimes_unused(self) -> dict[int, list[tuple[_Column, np.ndarray]]]:
        """Choices that may change nothing: by position the slots that depend on them, and for each row of those whether it matters."""
        found: dict[int, dict[tuple, tuple[_Column, np.ndarray]]] = {}
        always = set(range(len(self.choices))) - {int(choice) for column in self._columns for choice in column.choices}
        for column in self._columns:
            table = column.table.reshape(column.sizes)
            for axis, choice in enumerate(map(int, column.choices)):
                matters = np.broadcast_to((table != table.take([0], axis)).any(axis=axis, keepdims=True), table.shape).ravel()
                if matters.all():
                    always.add(choice)
                elif matters.any():  # the slots of both branches often tell the same
                    told = (*column.choices.tolist(), matters.tobytes())
                    found.setdefault(choice, {}).setdefault(told, (column, matters))
        return {choice: list(tables.values()) for choice, tables in sorted(found.items()) if choice not in always}
