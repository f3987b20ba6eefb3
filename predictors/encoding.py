"""Architectures as numbers: sums over the operators and the choices themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from latency_tables.chains import all_operators
from latency_tables.table import MissingOperators
from supernet.families import FAMILIES
from supernet.operators import Branch
from supernet.space import Architecture

PARTS = {"join": "join", "head": "heads", "cls": "heads", "reg": "heads"}
"""Part of a network that an operator kind belongs to; the backbone where it is not listed."""


@dataclass(frozen=True)
class Encoded:
    """What models predict from, one row for each architecture."""

    table_ms: np.ndarray
    """(N,) sum of the table over one branch."""
    macs: np.ndarray
    """(N,) multiply-adds of that branch."""
    features: np.ndarray
    """(N, F) everything that a correction may depend on."""

    def __getitem__(self, rows: np.ndarray) -> Encoded:
        """Some of the rows."""
        return Encoded(self.table_ms[rows], self.macs[rows], self.features[rows])


class Encoder:
    """Encodes the architectures of one family with one table's milliseconds."""

    def __init__(self, family: str, operator_ms: Mapping[str, float], unsupported: Mapping[str, str] | None = None):
        """Prepare sums over operators.

        Args:
            family: Name of the family.
            operator_ms: Milliseconds of the operators by key.
            unsupported: Why the runtime cannot run an operator, by key.
        """
        self._unsupported = unsupported or {}
        self._family = FAMILIES[family]
        self._operators = all_operators(self._family)
        self._index = {op: i for i, op in enumerate(self._operators)}
        self._ms = np.array([operator_ms.get(op.key, np.nan) for op in self._operators])
        self._macs = np.array([op.counts.macs for op in self._operators], float)
        self._of = {branch: np.array([op.branch == branch for op in self._operators], float) for branch in ("search", "template")}
        self._parts = {
            part: np.array([PARTS.get(op.kind, "backbone") == part for op in self._operators], float)
            for part in ("backbone", "join", "heads")
        }
        self._ranks = {label: {value: i for i, value in enumerate(values)} for label, values in self._family.space.choices.items()}

    def encode(self, architectures: Sequence[Architecture], branch: Branch = "search") -> Encoded:
        """Encode architectures of the family.

        Raises:
            ValueError: An architecture is of another family.
            MissingOperators: The table lacks operators of these architectures.
        """
        for architecture in architectures:
            if architecture.family != self._family.name:
                raise ValueError(
                    f"this predictor knows the family {self._family.name}, {architecture.name} is of {architecture.family}; "
                    f"fit one on a table of {architecture.family}"
                )
        counts = self._counts(architectures) * self._of[branch]
        missing = np.isnan(self._ms) & (counts > 0).any(axis=0)
        if missing.any():
            raise MissingOperators((self._operators[i].key for i in np.flatnonzero(missing)), self._unsupported)
        ms, macs = np.nan_to_num(self._ms), self._macs
        parts = [counts @ (of * values) for of in self._parts.values() for values in (ms, macs / 1e6)]
        ranks = np.array([[self._ranks[label][value] for label, value in a.choices] for a in architectures], float)
        ranks = ranks.reshape(len(architectures), len(self._ranks))
        return Encoded(counts @ ms, counts @ macs, np.column_stack([*parts, counts.sum(axis=1), ranks]))

    def missing(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """(N,) how many operators of each architecture the table has no time for."""
        return self._counts(architectures) @ np.isnan(self._ms).astype(float)

    def _counts(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """(N, K) how often each operator of the family occurs."""
        found = [[self._index[op] for op in self._family.operators(a)] for a in architectures]
        rows = np.repeat(np.arange(len(found)), [len(row) for row in found])
        flat = rows * len(self._operators) + np.fromiter((i for row in found for i in row), int, count=len(rows))
        counts = np.bincount(flat, minlength=len(found) * len(self._operators))
        return counts.reshape(len(found), len(self._operators)).astype(float)
