"""Encodes architectures as numbers that models learn from: sums over their operators, and the indices of the chosen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from latency_tables.tables.table import MissingOperators
from supernet.catalogue import find_family
from supernet.families.family import Family
from supernet.operators import BRANCHES, Branch, Operator, Option
from supernet.space import Architecture


@dataclass(frozen=True)
class Encoded:
    """N encoded architectures: what models of latency predict from."""

    table_ms: np.ndarray
    """(N,) sum of the table's milliseconds over the operators of one branch."""
    macs: np.ndarray
    """(N,) multiply-adds of that branch."""
    features: np.ndarray
    """(N, F) float32, everything that a correction may depend on: the sums of `names`, then the index of the chosen value of every choice
    (0 for a choice that has no effect on the network)."""
    names: tuple[str, ...]
    """Names of the sums, which are the first columns of `features`; see `Summands.names`."""

    def __getitem__(self, rows: np.ndarray) -> Encoded:
        """The selected rows."""
        return replace(self, table_ms=self.table_ms[rows], macs=self.macs[rows], features=self.features[rows])

    def sums(self, *names: str) -> np.ndarray:
        """(N, M) the sums with these M names."""
        return self.features[:, [self.names.index(name) for name in names]].astype(float)


class Summands:
    """What each operator of a family adds to the sums that are features of a network."""

    def __init__(self, family: Family):
        self._parts = list(dict.fromkeys(_first(slot.part) for slot in family.slots if slot.branch == "search"))
        offered = [(slot, family.slot_table.offered(i)) for i, slot in enumerate(family.slots)]
        self._part_of = {op.key: _first(slot.part) for slot, operators in offered for op in operators}
        chosen = _chosen_options(family)
        self._counted = {
            kind: sorted({_picked(op, chosen[kind]) for op in family.all_operators if op.kind == kind}, key=_order) for kind in chosen
        }
        self._chosen = chosen
        self.names = (
            *(f"{part}_{figure}" for part in self._parts for figure in ("ms", "mmacs")),
            "operators",
            *(f"{kind}:{','.join(map(str, values))}" for kind, several in self._counted.items() for values in several),
            "params_m",
            "traffic_m",
        )
        """Names of the sums, in order.

        `backbone_ms`, `backbone_mmacs` and so on: milliseconds and 1e6 multiply-adds of each part of the network. `operators`: their
        number. `mbconv:3,4` and so on: number of operators of this kind whose options (here kernel and expansion, which a choice varies)
        have these values. `params_m`: 1e6 parameters. `traffic_m`: 1e6 elements that operators read and write.
        """

    def of(self, op: Operator, ms: float) -> list[float]:
        """What one operator that takes `ms` milliseconds adds to each of `names`."""
        part = self._part_of[op.key]
        parts = [figure * (part == named) for named in self._parts for figure in (ms, op.counts.macs / 1e6)]
        counted = [
            float(op.kind == kind and _picked(op, self._chosen[kind]) == values)
            for kind, several in self._counted.items()
            for values in several
        ]
        elements = sum(map(prod, (*op.input_shapes, op.out_shape)))
        return [*parts, 1, *counted, op.counts.params / 1e6, elements / 1e6]


def _chosen_options(family: Family) -> dict[str, tuple[str, ...]]:
    """Names of the options that a choice varies, by kind of operator in the family's order, e.g. {"mbconv": ("kernel", "expansion")}."""
    found: dict[str, dict[str, None]] = {}
    for i, slot in enumerate(family.slots):
        if slot.label is None:
            continue
        groups: dict[tuple, list[Operator]] = {}
        for op in family.slot_table.offered(i):
            groups.setdefault((op.kind, op.in_shape, op.out_shape), []).append(op)
        for (kind, *_), operators in groups.items():
            changed = [name for name in operators[0].option if len({op.option.get(name) for op in operators}) > 1]
            found.setdefault(kind, {}).update(dict.fromkeys(changed))
    return {kind: tuple(found[kind]) for kind in family.kinds if found.get(kind)}


def _picked(op: Operator, names: Sequence[str]) -> tuple[Option, ...]:
    """Values of the named options of an operator."""
    return tuple(op.option[name] for name in names)


def _order(values: tuple[Option, ...]) -> tuple:
    """Sort key for combinations of option values: the last option changes slowest."""
    return tuple((isinstance(value, str), value) for value in reversed(values))


class Encoder:
    """Encodes architectures of one family with the milliseconds of one latency table."""

    def __init__(self, family: str, operator_ms: Mapping[str, float], unsupported: Mapping[str, str] | None = None):
        """Prepare what each operator adds to the sums.

        Args:
            family: Name of the family.
            operator_ms: Milliseconds of operators by key; some may be missing.
            unsupported: For operators that the runtime cannot run the reason, by the operator's key; errors say it.
        """
        self._unsupported = unsupported or {}
        self._family = find_family(family)
        self._occurrences = self._family.occurrences
        operators, of_branch = self._occurrences.operators, self._occurrences.of_branch
        summands = Summands(self._family)
        self.names = summands.names
        """Names of the sums in `Encoded.features`."""
        self._without_ms = np.array([op.key not in operator_ms for op in operators])
        ms = [operator_ms.get(op.key, 0.0) for op in operators]
        each = np.array([[t, op.counts.macs, *summands.of(op, t)] for op, t in zip(operators, ms, strict=True)])
        added = self._occurrences.counts
        self._missing = added @ self._without_ms
        self._missing_of = {branch: added @ (of_branch[branch] & self._without_ms) for branch in BRANCHES}
        self._sums = {branch: added @ (each * of_branch[branch][:, None]) for branch in BRANCHES}

    def choices(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """(N, L) index of the chosen value of every choice, in the family's order.

        Raises:
            ValueError: An architecture is of another family.
        """
        for architecture in architectures:
            if architecture.family != self._family.name:
                raise ValueError(
                    f"this predictor knows the family {self._family.name}, {architecture.name} is of {architecture.family}; "
                    f"fit one on a table of {architecture.family}"
                )
        return self._family.space.indices(architectures)

    def encode(self, architectures: Sequence[Architecture], branch: Branch = "search") -> Encoded:
        """Encode one branch of N architectures of the family.

        Raises:
            ValueError: An architecture is of another family.
            MissingOperators: The table lacks operators of these architectures.
        """
        return self.encode_choices(self.choices(architectures), branch)

    def encode_choices(self, choices: np.ndarray, branch: Branch = "search") -> Encoded:
        """Encode one branch of N architectures given as indices; this lists no operators and is fast for millions.

        Args:
            choices: (N, L) index of the chosen value of every choice, as `Encoder.choices` returns. A choice that has no effect on the
                network may have any index.
            branch: The branch to encode.

        Raises:
            ValueError: `choices` is not an array of integers of that shape, or an index is out of range.
            MissingOperators: The table lacks operators of these architectures.
        """
        rows = self._occurrences.selection(choices)
        lacking = rows @ self._missing_of[branch] > 0
        if lacking.any():
            counts = rows[lacking] @ self._occurrences.counts
            missing = (counts > 0).any(axis=0) & self._occurrences.of_branch[branch] & self._without_ms
            raise MissingOperators((self._occurrences.operators[i].key for i in np.flatnonzero(missing)), self._unsupported)
        sums = rows @ self._sums[branch]
        features = np.concatenate([sums[:, 2:], self._occurrences.canonical(choices)], axis=1, dtype=np.float32)
        return Encoded(sums[:, 0], sums[:, 1], features, self.names)

    def missing(self, choices: np.ndarray) -> np.ndarray:
        """(N,) number of operators, in both branches, that have no time, for architectures given as (N, L) indices of chosen values."""
        return self._occurrences.selection(choices) @ self._missing


def _first(part: str) -> str:
    """The first component of a path of modules: `heads` for `heads.cls`."""
    return part.partition(".")[0]
