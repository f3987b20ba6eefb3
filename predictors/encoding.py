"""Architectures as numbers: sums over the operators and the choices themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from latency_tables.tables.table import MissingOperators
from predictors.occurrences import occurrences
from supernet.families import FAMILIES
from supernet.operators import Branch, Operator
from supernet.space import Architecture

PARTS = {"join": "join", "head": "heads", "cls": "heads", "reg": "heads"}
"""Part of a network that an operator kind belongs to; the backbone where it is not listed."""
SUMS = (
    *(f"{part}_{figure}" for part in ("backbone", "join", "heads") for figure in ("ms", "mmacs")),
    "operators",
    *(f"blocks_k{kernel}e{expansion}" for expansion in (4, 6) for kernel in (3, 5, 7)),
    *(f"layers_k{kernel}" for kernel in (3, 5)),
    "params_m",
    "traffic_m",
)
"""The first columns of `Encoded.features`, which add up over operators: milliseconds and 1e6 multiply-adds by part, numbers of
operators, of blocks by kernel and expansion and of head layers by kernel, 1e6 parameters, and 1e6 elements read and written between operators."""


@dataclass(frozen=True)
class Encoded:
    """What models predict from, one row for each architecture."""

    table_ms: np.ndarray
    """(N,) sum of the table over one branch."""
    macs: np.ndarray
    """(N,) multiply-adds of that branch."""
    features: np.ndarray
    """(N, F) everything that a correction may depend on: `SUMS`, then the index of the value of every choice."""

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
        self._occurrences = occurrences(self._family)
        operators = self._occurrences.operators
        self._without_ms = np.array([op.key not in operator_ms for op in operators])
        self._of = {branch: np.array([op.branch == branch for op in operators]) for branch in ("search", "template")}
        ms = [operator_ms.get(op.key, 0.0) for op in operators]
        each = np.array([[t, op.counts.macs, *_sums(op, t)] for op, t in zip(operators, ms, strict=True)])
        added = self._occurrences.added
        self._missing = added @ self._without_ms
        self._missing_of = {branch: added @ (of & self._without_ms) for branch, of in self._of.items()}
        self._sums = {branch: added @ (each * of[:, None]) for branch, of in self._of.items()}

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
        """Encode architectures of the family.

        Raises:
            ValueError: An architecture is of another family.
            MissingOperators: The table lacks operators of these architectures.
        """
        return self.encode_choices(self.choices(architectures), branch)

    def encode_choices(self, choices: np.ndarray, branch: Branch = "search") -> Encoded:
        """Encode architectures given as numbers, millions a second.

        Args:
            choices: (N, L) index of the chosen value of every choice, as `choices` returns; the values of choices that change
                nothing do not matter.
            branch: The branch to encode.

        Raises:
            ValueError: They are not such integers.
            MissingOperators: The table lacks operators of these architectures.
        """
        rows = self._occurrences.rows(choices)
        lacking = rows @ self._missing_of[branch] > 0
        if lacking.any():
            counts = rows[lacking] @ self._occurrences.added
            missing = (counts > 0).any(axis=0) & self._of[branch] & self._without_ms
            raise MissingOperators((self._occurrences.operators[i].key for i in np.flatnonzero(missing)), self._unsupported)
        sums = rows @ self._sums[branch]
        listed = self._occurrences.listed(rows)
        return Encoded(sums[:, 0], sums[:, 1], np.column_stack([sums[:, 2:], listed]).astype(np.float32))

    def missing(self, choices: np.ndarray) -> np.ndarray:
        """(N,) how many operators of each of N architectures, given as (N, L) integers, the table has no time for."""
        return self._occurrences.rows(choices) @ self._missing


def _sums(op: Operator, ms: float) -> list[float]:
    """What one operator adds to each of `SUMS`."""
    part, options = PARTS.get(op.kind, "backbone"), dict(op.options)
    parts = [figure * (part == named) for named in ("backbone", "join", "heads") for figure in (ms, op.counts.macs / 1e6)]
    block = (op.kind, options.get("kernel"), options.get("expansion"))
    blocks = [block == ("mbconv", kernel, expansion) for expansion in (4, 6) for kernel in (3, 5, 7)]
    layers = [block == ("head", kernel, None) for kernel in (3, 5)]
    elements = sum(map(prod, (*op.input_shapes, op.out_shape)))
    return [*parts, 1, *blocks, *layers, op.counts.params / 1e6, elements / 1e6]
