"""Features of whole architectures, from which memory, energy and accuracy are predicted.

They say how much a network computes, how many bytes its weights and activations take, and which values were chosen. They need no
measurement; a latency table may be given, so that work counts in milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from predictors.encoding import Encoder
from supernet.catalogue import find_family
from supernet.space import Architecture

_BYTES = 4
"""Bytes of a number in fp32."""
_COPIES = 4
"""Copies of the weights in memory at the peak, while a runtime loads them: in its file, graph and kernels' layout. Found by measuring."""


@dataclass(frozen=True)
class Features:
    """Features of N architectures."""

    megabytes: np.ndarray
    """(N,) megabytes in fp32: of all copies of the weights, plus of the largest input and output of a layer."""
    work: np.ndarray
    """(N,) milliseconds of a frame by the latency table; multiply-adds of a frame if there is no table."""
    columns: np.ndarray
    """(N, F) float64: sums over operators, megabytes of the largest input and output of a layer, and the chosen values one-hot."""

    def __getitem__(self, rows: np.ndarray) -> Features:
        """Features of the selected rows."""
        return Features(self.megabytes[rows], self.work[rows], self.columns[rows])


class FeatureEncoder:
    """Computes the features of architectures of one family."""

    def __init__(self, family: str, operator_ms: Mapping[str, float] | None = None):
        """Prepare what each operator contributes.

        Args:
            family: Name of the family.
            operator_ms: Milliseconds of operators by key, if work is to count in milliseconds; without them it counts in multiply-adds.
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
        """Number of features F."""
        return len(self._encoder.names) + 1 + len(self._one_hot)

    def choices(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """(N, L) index of the chosen value of every choice; see `Encoder.choices`."""
        return self._encoder.choices(architectures)

    def encode(self, choices: np.ndarray) -> Features:
        """Compute the features of architectures given as (N, L) indices of chosen values.

        Raises:
            ValueError: `choices` is not an array of integers of that shape, or an index is out of range.
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
