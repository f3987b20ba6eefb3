"""Joins the sequences of a data set with a benchmark's own annotations, which are the truth that its figures are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracking.benchmarks.benchmark import Benchmark, Truth
from tracking.boxes import box_of_polygon
from tracking.files.progress import say
from tracking.sequence import Sequence as Film

_CLOSE_PX = 1.0
"""Distance up to which the boxes of a data set and of the annotations count as the same, beside their origin."""


@dataclass(frozen=True, eq=False)
class Annotated:
    """A sequence with the annotation of a benchmark."""

    sequence: Film
    truth: Truth
    origin: int
    """Coordinate of the first pixel in the annotation; boxes of the sequence begin at 0."""

    @property
    def complete(self) -> bool:
        """Whether every frame is annotated; test sets of servers tell the first box alone."""
        return len(self.truth.regions) == len(self.sequence)

    @property
    def regions(self) -> np.ndarray:
        """True regions with the first pixel at 0, (T, 4) or (T, 8)."""
        regions = self.truth.regions.copy()
        if regions.shape[1] == 4:
            regions[:, :2] -= self.origin
        else:
            regions -= self.origin
        return regions

    def in_its_coordinates(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes xywh of the tracker, (T, 4), as the annotation counts pixels."""
        return boxes + np.array([self.origin, self.origin, 0, 0])


def annotate(sequences: Sequence[Film], benchmark: Benchmark, root: Path, given: Path | None) -> tuple[list[Annotated], dict[str, str]]:
    """Find the annotation of each sequence.

    Args:
        sequences: The sequences of a data set.
        benchmark: The benchmark.
        root: The data set's folder. If it is not arranged as the benchmark's own, the boxes that the data set has are the truth.
        given: The annotations, if somebody has said where they are.

    Returns:
        The sequences with their annotations, and why sequences are missing of which there is an annotation, by name.

    Raises:
        OSError, ValueError: The annotations cannot be read, or are not of these sequences.
    """
    path = given or root
    try:
        truths = benchmark.read_annotations(path)
    except ValueError as err:
        if given is not None:
            raise
        say(f"{err!s:.200}; until --annotations names some, the boxes that the data set has are the truth")
        truths = {each.name: _own(each, benchmark.origin) for each in sequences}
    _check_present([each.name for each in sequences], truths, benchmark.name, path)
    found = [_joined(sequence, truths[sequence.name], benchmark, path) for sequence in sequences]
    tracked = {each.name for each in sequences}
    return found, {name: "it is annotated, and the data set does not hold it" for name in truths if name not in tracked}


def _own(sequence: Film, origin: int) -> Truth:
    """The boxes of a sequence as an annotation."""
    height, width = sequence.image(0).shape[:2]
    regions = np.where(sequence.visible[:, None], sequence.boxes, np.nan) + np.array([origin, origin, 0, 0])
    return Truth(sequence.name, regions, None if sequence.visible.all() else ~sequence.visible, (width, height))


def _check_present(names: Iterable[str], truths: Mapping[str, Truth], benchmark: str, path: Path) -> None:
    if missing := [name for name in names if name not in truths]:
        raise ValueError(
            f"every sequence must have an annotation of {benchmark}, {', '.join(missing[:3])}{' ...' if len(missing) > 3 else ''} "
            f"{'has' if len(missing) == 1 else 'have'} none in {path}; choose another --benchmark, or name its file with --annotations"
        )


def _joined(sequence: Film, truth: Truth, benchmark: Benchmark, path: Path) -> Annotated:
    if len(truth.regions) not in (1, len(sequence)):
        raise ValueError(
            f"an annotation must be of the same frames as the sequence, {sequence.name} has {len(sequence)} frames and "
            f"{len(truth.regions)} regions in {path}; choose another --benchmark or --annotations"
        )
    count = len(truth.regions)
    theirs, ours = _boxes(truth.regions), sequence.boxes[:count]
    both = np.isfinite(theirs).all(axis=1) & sequence.visible[:count]
    apart = (theirs - ours)[both]
    origin = round(float(np.median(apart[:, :2]))) if len(apart) else benchmark.origin
    off = np.abs(apart - np.array([origin, origin, 0, 0]))
    if origin not in (0, 1) or (len(off) and np.median(off, axis=0).max() > _CLOSE_PX):
        raise ValueError(
            f"an annotation must be of the same target as the sequence, the boxes of {sequence.name} and its regions in {path} lie apart; "
            "choose another --benchmark or --annotations"
        )
    return Annotated(sequence, truth, origin)


def _boxes(regions: np.ndarray) -> np.ndarray:
    """Boxes xywh of regions, as a data set has them, (T, 4)."""
    if regions.shape[1] == 4:
        return regions
    return np.array([row[:4] if np.isnan(row[4:]).all() else box_of_polygon(row) for row in regions])
