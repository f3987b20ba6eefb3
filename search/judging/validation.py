"""The sequences that candidates are judged on, generated or from a data set, and the pairs that calibrate candidates."""

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
"""Seed of the first generated sequence of a search; training uses small seeds."""
RESCORING_SEED = 2_000_000
"""Seed of the first generated sequence that the best candidates are judged on again."""
_PAIRS = 32
"""Number of pairs that set BatchNorm statistics."""
_KEPT = 64e6
"""Most bytes of a clip whose decoded frames are kept; frames of larger clips are read from disk each time."""


@dataclass(frozen=True)
class Validation:
    """The source of validation sequences and calibration pairs; equal settings and data give equal sequences on every machine."""

    data: str
    """`synthetic`, or the name of a data set, a colon and its root."""
    frames: int
    """Frames of each sequence. From a data set, the first ones are taken of each sequence that has at least so many."""

    def chosen(self, search: int, rescoring: int) -> tuple[range, range]:
        """Choose the sequences of the search, and others for judging the best candidates again.

        Args:
            search: Number of sequences for the search.
            rescoring: Number of further sequences.

        Returns:
            The numbers of the former and of the latter, for `sequence`.

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
            number: A number that `chosen` returned.
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
            settings: Settings of the tracking procedure, with the sizes of the crops.
            draw: Number of the draw; each gives different pairs.
        """
        sizes = settings.template_size, settings.search_size
        if sizes not in self._sources:
            self._sources[sizes] = pair_source(self.data, settings, SEARCH_SEED)
        return self._sources[sizes].batch(draw, _PAIRS)

    @cached_property
    def _long_enough(self) -> list[Sequence]:
        """Sequences with enough frames and a target that is visible at first; shuffled, since neighbours in a data set are often alike."""
        items = annotated(self.data)
        every = [items[i] for i in np.random.default_rng(0).permutation(len(items))]
        return [sequence for sequence in every if len(sequence) >= self.frames and sequence.visible[0]]

    @cached_property
    def _sources(self) -> dict[tuple[int, int], PairSource]:
        """Sources of pairs made so far, by the sizes of template and search crop."""
        return {}
