"""The sequences and pairs that candidates are judged on, generated or from a data set, and the pairs that calibrate candidates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from supernet.families.family import Family
from supernet.training.batches import annotated, is_generated, material_folder, pair_source
from tracking.benchmarks.one_pass import can_score
from tracking.files.progress import say
from tracking.generated.material import load_material
from tracking.generated.synthetic import synthetic_sequence
from tracking.pairs import PairBatch, PairSource, SequencePairs
from tracking.sequence import Sequence, fingerprint
from tracking.trackers import Settings

SEARCH_SEED = 1_000_000
"""Seed of the first generated sequence of a search; training uses small seeds."""
RESCORING_SEED = 2_000_000
"""Seed of the first generated sequence that the best candidates are judged on again."""
_PAIRS = 32
"""Number of pairs that set BatchNorm statistics."""
_FIXED = 1_000
"""Number of the first group of pairs that candidates are judged on; smaller ones calibrate them."""
_KEPT = 64e6
"""Most bytes of a clip whose decoded frames are kept; frames of larger clips are read from disk each time."""


@dataclass(frozen=True)
class Validation:
    """The source of validation sequences and calibration pairs; equal settings and data give equal sequences on every machine."""

    data: str
    """`synthetic`, `synthetic:FOLDER` with a material folder, or the name of a data set, a colon and its root."""
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
        if is_generated(self.data):
            return range(SEARCH_SEED, SEARCH_SEED + search), range(RESCORING_SEED, RESCORING_SEED + rescoring)
        have = len(self._long_enough(say))
        if have < search + rescoring:
            raise ValueError(
                f"sequences and rescoring must not exceed what {self.data} holds with at least {self.frames} frames, "
                f"got {search} and {rescoring} of {have}; lower --sequences, --rescoring or --frames"
            )
        return range(search), range(search, search + rescoring)

    def content(self, *chosen: range) -> str | None:
        """A checksum of frames and annotations of the chosen sequences of a data set, or of the index of a material folder; else None."""
        if is_generated(self.data):
            folder = material_folder(self.data)
            return None if folder is None else load_material(folder, True).content
        found = "".join(fingerprint(self._long_enough()[number]) for numbers in chosen for number in numbers)
        return hashlib.sha256(found.encode()).hexdigest()

    def sequence(self, number: int) -> Sequence:
        """One sequence of `frames` frames.

        Args:
            number: A number that `chosen` returned.
        """
        if is_generated(self.data):
            return synthetic_sequence(number, self.frames, material=material_folder(self.data))
        whole = self._long_enough()[number]
        frames = whole.frames[: self.frames]
        if whole.image(0).nbytes * self.frames <= _KEPT:
            frames = tuple(whole.image(t) for t in range(self.frames))
        return replace(whole, frames=frames, boxes=whole.boxes[: self.frames], visible=whole.visible[: self.frames])

    def pairs(self, settings: Settings, draw: int) -> PairBatch:
        """Pairs of crops that set the statistics of BatchNorm layers.

        Args:
            settings: Settings of the tracking procedure, with the sizes of the crops.
            draw: Number of the draw; each gives different pairs.
        """
        sizes = settings.template_size, settings.search_size, settings.context
        if sizes not in self._sources:
            self._sources[sizes] = pair_source(self.data, settings, SEARCH_SEED)
        return self._sources[sizes].batch(draw, _PAIRS)

    def group(self, family: Family, first_seed: int, world: int, index: int, count: int) -> PairBatch:
        """Fixed pairs that candidates are judged on. None of them is among the pairs of `pairs`.

        Args:
            family: The family whose networks are judged, with the sizes of the crops and the share of negative pairs.
            first_seed: `SEARCH_SEED` or `RESCORING_SEED`; the pairs of both come from different worlds, or from different halves of the
                sequences of a data set.
            world: Number that is added to the seed.
            index: Number of the group; each gives different pairs.
            count: Number of pairs.
        """
        key = family.name, first_seed + world
        if key not in self._fixed:
            self._fixed.clear()  # one source at a time
            self._fixed[key] = self._fixed_source(family, first_seed, first_seed + world)
        return self._fixed[key].batch(_FIXED + index, count)

    def _fixed_source(self, family: Family, first_seed: int, seed: int) -> PairSource:
        settings, negatives = family.settings, family.negatives
        if is_generated(self.data):
            return pair_source(self.data, settings, seed, negatives=negatives)
        sequences, sizes = self._halves[first_seed != SEARCH_SEED], (settings.template_size, settings.search_size)
        return SequencePairs(sequences, *sizes, seed, context_size=settings.context, negatives=negatives)

    @property
    def _halves(self) -> tuple[list[Sequence], list[Sequence]]:
        """Sequences of a data set with a visible target, in two halves: for pairs of the search and of rescoring."""
        items = [each for each in annotated(self.data) if each.visible.any()]
        if len(items) < 2:
            raise ValueError(
                f"pairs of search and rescoring come from different sequences, {self.data} has {len(items)}; add a sequence, or optimise ao"
            )
        shuffled = [items[i] for i in np.random.default_rng(0).permutation(len(items))]
        return shuffled[::2], shuffled[1::2]

    def pair_content(self) -> str | None:
        """A checksum of the annotations or pictures that pairs are drawn from; None if nothing but seed and sizes determines them."""
        if is_generated(self.data):
            return self.content()
        found = "".join(fingerprint(each) for half in self._halves for each in half)
        return hashlib.sha256(found.encode()).hexdigest()

    def _long_enough(self, tell: Callable[[str], None] = lambda line: None) -> list[Sequence]:
        """Sequences with enough frames that can be scored; shuffled, since neighbours in a data set are often alike.

        What a person should know about the data is told when it is read, which happens once.
        """
        if not self._read:
            items = annotated(self.data, tell)
            every = [items[i] for i in np.random.default_rng(0).permutation(len(items))]
            self._read.extend(
                each for each in every if len(each) >= self.frames and each.visible[0] and can_score(each.boxes[: self.frames])
            )
        return self._read

    @cached_property
    def _read(self) -> list[Sequence]:
        """The sequences of the data set, once they have been read."""
        return []

    @cached_property
    def _fixed(self) -> dict[tuple[str, int], PairSource]:
        """The source of fixed pairs that was used last, by family and seed."""
        return {}

    @cached_property
    def _sources(self) -> dict[tuple[int, int, int], PairSource]:
        """Sources of pairs made so far, by the sizes of template crop, search crop and context."""
        return {}
