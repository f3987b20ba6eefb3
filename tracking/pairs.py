"""Training pairs: a template crop, a search crop, and the target's box in the search crop.

The geometry is that of the siamese tracker. Both crops show squares of a frame whose side grows with the target and its context.
The squares are as large as the crops at a common scale, at which target and context fill `context_size` px. What lies outside the
frame gets the mean colour of the first frame. In the search crop the target is shifted and rescaled at random, as if the tracker had
lagged behind.
"""

import hashlib
from collections.abc import Sequence as Items
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from tracking.augment import apply_look, chain, colour_map, flip, sample_look
from tracking.crops import context_side, crop_aligned
from tracking.sequence import Sequence


@dataclass(frozen=True, eq=False)
class PairBatch:
    """A batch of B training pairs."""

    templates: np.ndarray
    """Template crops: RGB, uint8, shape (B, h, h, 3)."""
    searches: np.ndarray
    """Search crops: RGB, uint8, shape (B, s, s, 3)."""
    boxes: np.ndarray
    """Box of the target in each search crop: corners xyxy, px, float32, shape (B, 4); zeros in a negative pair."""
    present: np.ndarray
    """Whether the search crop shows the target, bool, shape (B,); False in a negative pair."""


class PairSource(Protocol):
    """A source of training pairs, which gives the same batch whenever it is asked for the same index."""

    template_size: int
    """Side of the template crop, px."""
    search_size: int
    """Side of the search crop, px."""

    @property
    def content(self) -> str | None:
        """A checksum of the annotations that pairs are drawn from; None if nothing but seed and sizes determines them."""
        ...

    def batch(self, index: int, count: int) -> PairBatch:
        """The batch with the number `index`, which holds `count` pairs."""
        ...


@dataclass(frozen=True, eq=False)
class Window:
    """A square of a frame that is resampled to a crop."""

    centre: np.ndarray
    """Centre x, y, frame px, shape (2,)."""
    side: float
    """Side, frame px."""
    size: int
    """Side of the crop, px."""

    def matrix(self) -> np.ndarray:
        """Homogeneous matrix from frame px to crop px, shape (3, 3)."""
        scale = self.size / self.side
        left, top = self.centre - self.side / 2
        return np.array([[scale, 0, -scale * left], [0, scale, -scale * top], [0, 0, 1]])

    def box(self, box: np.ndarray) -> np.ndarray:
        """Convert a box xywh in the frame to corners xyxy in the crop, px, shape (4,)."""
        corners = np.array([box[:2], box[:2] + box[2:]])
        return ((corners - self.centre + self.side / 2) * (self.size / self.side)).ravel()


def template_window(box: np.ndarray, size: int, context_size: int = 0) -> Window:
    """The window of the template: centred on the target, with context.

    Args:
        box: The target xywh, frame px.
        size: Side of the crop, px.
        context_size: Side of the square of target and context at the crop's scale, px; 0 for the crop's side.
    """
    side = float(context_side(box[2:]))
    return Window(box[:2] + box[2:] / 2, side * size / context_size if context_size else side, size)


def search_window(
    rng: np.random.Generator, box: np.ndarray, context_size: int, search_size: int, shift: float = 0.9, zoom: float = 0.25
) -> Window:
    """The window of a search crop, shifted and rescaled at random; the target stays inside.

    Args:
        rng: Source of randomness.
        box: The target xywh, frame px.
        context_size: Side of the square of target and context at the crop's scale, px.
        search_size: Side of the search crop, px.
        shift: Share of the free range over which the target's position is uniformly distributed. With a small share a network learns to
            answer "in the middle".
        zoom: Largest change of the side, as a natural logarithm: 0.25 changes it by a factor of 0.78 to 1.28.
    """
    side = float(context_side(box[2:])) * search_size / context_size * np.exp(rng.uniform(-zoom, zoom))
    free = np.maximum(side - box[2:], 0) / 2
    return Window(box[:2] + box[2:] / 2 + shift * free * rng.uniform(-1, 1, 2), side, search_size)


_STREAM = 1
"""Number that the random generator starts from beside seed and index, so that other users of the same two get other numbers."""


class SequencePairs:
    """Pairs from annotated videos, with shift, scale, colour, blur, noise and mirroring.

    The seed and the index of a batch determine it.
    """

    def __init__(
        self,
        sequences: Items[Sequence],
        template_size: int,
        search_size: int,
        seed: int,
        max_gap: int = 100,
        context_size: int = 0,
        negatives: float = 0.0,
    ) -> None:
        """Keep the sequences; nothing is read yet.

        Args:
            sequences: Videos; each is drawn equally often, whatever its length.
            template_size: Side of the template crop, px.
            search_size: Side of the search crop, px.
            seed: Start of all randomness.
            max_gap: Largest distance between the two frames of a pair, in frames.
            context_size: Side of the square of target and context at the scale of the crops, px; 0 for the template's side.
            negatives: Share of pairs whose template shows the target of another sequence, 0 to 1.

        Raises:
            ValueError: There is no sequence, or one without any visible target.
        """
        if not sequences:
            raise ValueError("pairs need at least one sequence, got none; check the data set's root")
        for sequence in sequences:
            if not sequence.visible.any():
                raise ValueError(f"pairs need a visible target, sequence {sequence.name} has none; remove it from the data set")
        self.template_size = template_size
        self.search_size = search_size
        self.context_size = context_size or template_size
        self._sequences = sequences
        self._visible = [np.flatnonzero(sequence.visible) for sequence in sequences]
        self._seed = seed
        self._max_gap = max_gap
        self._negatives = negatives if len(sequences) > 1 else 0.0
        found = hashlib.sha256()
        for sequence in sequences:
            found.update(f"{sequence.name} {len(sequence)}\n".encode() + np.ascontiguousarray(sequence.boxes).tobytes())
        self.content = found.hexdigest()

    def batch(self, index: int, count: int) -> PairBatch:
        """The batch with the number `index`, which holds `count` pairs."""
        rng = np.random.default_rng([self._seed, index, _STREAM])
        templates, searches, boxes, present = zip(*(self._pair(rng) for _ in range(count)), strict=True)
        return PairBatch(np.stack(templates), np.stack(searches), np.stack(boxes).astype(np.float32), np.array(present))

    def _pair(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
        chosen = int(rng.integers(len(self._sequences)))
        present = not (self._negatives and rng.random() < self._negatives)
        other = chosen if present else (chosen + int(rng.integers(1, len(self._sequences)))) % len(self._sequences)
        sequence, visible = self._sequences[chosen], self._visible[chosen]
        first = int(rng.choice(self._visible[other]))
        near = visible[np.abs(visible - first) <= self._max_gap] if present else visible
        second = int(rng.choice(near))
        before = self._sequences[other].image(first)
        after = sequence.image(second)
        fill = before.mean(axis=(0, 1))

        template = template_window(self._sequences[other].boxes[first], self.template_size, self.context_size)
        search = search_window(rng, sequence.boxes[second], self.context_size, self.search_size)
        seen_first = crop_aligned(before, template.centre, template.side, template.size, fill)
        seen_second = crop_aligned(after, search.centre, search.side, search.size, fill)
        box = search.box(sequence.boxes[second])
        if rng.random() < 0.5:
            seen_first, _ = flip(seen_first, box)
            seen_second, box = flip(seen_second, box)
        look = sample_look(rng, grey=rng.random() < 0.15)
        light = colour_map(contrast=rng.uniform(0.85, 1.15), shift=rng.uniform(-15, 15))
        later = replace(sample_look(rng), colour=chain(look.colour, light))
        return apply_look(seen_first, look), apply_look(seen_second, later), box * present, present
