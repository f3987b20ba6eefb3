"""What can be told of an architecture without any measurement: how much it computes, holds and keeps at once, and its choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from predictors.encoding import Encoder
from supernet.catalogue import find_family
from supernet.space import Architecture

_BYTES = 4
_COPIES = 4
"""How often weights lie in memory at the peak, while a runtime loads them: in its file, its graph and its kernels' layout. Measured."""


@dataclass(frozen=True)
class Features:
    """What metrics are predicted from, one row for each architecture."""

    megabytes: np.ndarray
    """(N,) weights as often as they lie in memory, and the largest activations of a layer, in fp32."""
    work: np.ndarray
    """(N,) milliseconds of a frame by a latency table; its multiply-adds where there is none."""
    columns: np.ndarray
    """(N, F) float64: sums over operators, live activations, and a one for each chosen value."""

    def __getitem__(self, rows: np.ndarray) -> Features:
        """Some of the rows."""
        return Features(self.megabytes[rows], self.work[rows], self.columns[rows])


class FeatureEncoder:
    """Tells the features of the architectures of one family."""

    def __init__(self, family: str, operator_ms: Mapping[str, float] | None = None):
        """Prepare.

        Args:
            family: Name of the family.
            operator_ms: Milliseconds of the operators by key, where work is to be told by a latency table.
        """
        self._by_table = bool(operator_ms)
        known = find_family(family)
        self._occurrences = known.occurrences
        operators = self._occurrences.operators
        self._encoder = Encoder(family, operator_ms or {op.key: 0.0 for op in operators})
        live = np.array([op.counts.live for op in operators])
        self._live = live * self._occurrences.of_branch["search"] * _BYTES / 1e6
        self._one_hot = np.concatenate([np.arange(size) for size in self._occurrences.sizes])

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self._encoder.names) + 1 + len(self._one_hot)

    def choices(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """(N, L) index of the chosen value of every choice; see `Encoder.choices`."""
        return self._encoder.choices(architectures)

    def encode(self, choices: np.ndarray) -> Features:
        """Tell the features of architectures given as (N, L) integers.

        Raises:
            ValueError: They are not such integers.
            MissingOperators: The latency table lacks operators of these architectures.
        """
        encoded = self._encoder.encode_choices(choices)
        counts = self._occurrences.selection(choices) @ self._occurrences.counts
        live_mb = ((counts > 0) * self._live).max(axis=1)
        width = len(encoded.names)
        sums, listed = encoded.features[:, :width].astype(float), encoded.features[:, width:]
        chosen = np.repeat(listed, self._occurrences.sizes, axis=1) == self._one_hot
        megabytes = _COPIES * _BYTES * encoded.sums("params_m")[:, 0] + live_mb
        return Features(megabytes, encoded.table_ms if self._by_table else encoded.macs, np.column_stack([sums, live_mb, chosen]))
