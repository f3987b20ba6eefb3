"""The sequences that candidates are judged on: generated ones, or clips of a data set; and the pairs that calibrate them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from supernet.training.batches import annotated, pair_source
from tracking.generated.synthetic import synthetic_sequence
from tracking.pairs import PairBatch, PairSource
from tracking.sequence import Sequence, make_sequence
from tracking.trackers import Settings

SEARCH_SEED = 1_000_000
"""Seed of the first generated sequence of a search; training takes small seeds."""
RESCORING_SEED = 2_000_000
"""Seed of the first generated sequence that the best are judged on again."""
_PAIRS = 32
_KEPT = 64e6
"""Bytes of a clip up to which its frames stay decoded; longer or larger ones are read from disk each time."""


@dataclass(frozen=True)
class Validation:
    """Where sequences come from; the same settings give the same sequences everywhere."""

    data: str
    """`synthetic`, or the name of a data set, a colon and its root."""
    frames: int
    """Of each sequence; of a data set, the first ones of each that has so many."""

    def chosen(self, search: int, rescoring: int) -> tuple[range, range]:
        """Which sequences serve the search, and which others judge the best again.

        Args:
            search: Number of sequences wanted.
            rescoring: Number of further ones wanted.

        Raises:
            ValueError: The data set has too few sequences that are long enough.
        """
        if self.data == "synthetic":
            return range(SEARCH_SEED, SEARCH_SEED + search), range(RESCORING_SEED, RESCORING_SEED + rescoring)
        have = len(self._long_enough)
        if have < search + rescoring:
            raise ValueError(
                f"sequences and rescoring must not exceed what {self.data} holds with at least {self.frames} frames, "
                f"got {search} and {rescoring} of {have}; lower --sequences, --rescoring or --frames"
            )
        return range(search), range(search, search + rescoring)

    def sequence(self, number: int) -> Sequence:
        """One sequence of `frames` frames.

        Args:
            number: One that `chosen` gave.
        """
        if self.data == "synthetic":
            return synthetic_sequence(number, self.frames)
        whole = self._long_enough[number]
        frames = whole.frames[: self.frames]
        if whole.image(0).nbytes * self.frames <= _KEPT:
            frames = tuple(whole.image(t) for t in range(self.frames))
        return make_sequence(whole.name, frames, whole.boxes[: self.frames], self.data)

    def pairs(self, settings: Settings, draw: int) -> PairBatch:
        """Pairs of crops that set the statistics of BatchNorm layers.

        Args:
            settings: Of the tracking procedure; say the sizes of the crops.
            draw: Different pairs for each number.
        """
        sizes = settings.template_size, settings.search_size
        if sizes not in self._sources:
            self._sources[sizes] = pair_source(self.data, settings, SEARCH_SEED)
        return self._sources[sizes].batch(draw, _PAIRS)

    @cached_property
    def _long_enough(self) -> list[Sequence]:
        """In an order of their own: in a data set, neighbours are often alike."""
        items = annotated(self.data)
        every = [items[i] for i in np.random.default_rng(0).permutation(len(items))]
        return [sequence for sequence in every if len(sequence) >= self.frames and sequence.visible[0]]

    @cached_property
    def _sources(self) -> dict[tuple[int, int], PairSource]:
        return {}
