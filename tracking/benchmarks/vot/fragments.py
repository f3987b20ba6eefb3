"""Expected overlap of the VOT challenges with restarts: how well a tracker does, on average, in its first i frames.

Source: Kristan et al., The Visual Object Tracking VOT2015 challenge results; the rules that decide the third digit were found out by
running pysot-toolkit. A run is cut into fragments, from a start to the next restart. The curve's value at length i is the mean, over the
fragments that reach it, of their mean overlap in frames 1 to i after the start; the expected average overlap (EAO) is the mean of a part
of the curve.

Worked example: of 20 frames a tracker fails in frame 6 and is started again in frame 11. The first fragment has frames 0 to 11, overlap 0
from the failure on, and counts as 0 for all greater lengths. The second has frames 11 to 19 and counts up to length 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tracking.benchmarks.benchmark import State

SKIP = 5
"""Frames from a failure to the restart (rule V4)."""


def fragments(overlaps: np.ndarray, failures: Sequence[int], length: int) -> Iterator[tuple[np.ndarray, slice, int]]:
    """Cut a run into fragments.

    Args:
        overlaps: Overlap of each frame, shape (T,); NaN where it is unknown.
        failures: Numbers of the frames in which the tracker failed.
        length: Most frames of any run, to which a fragment that ended in a failure is filled up with 0.

    Yields:
        The overlaps of a fragment; the frames that it stands for; and the number of frames by which its weight is divided.
    """
    if not len(failures):
        yield overlaps, slice(0, len(overlaps)), len(overlaps)
        return
    cuts = [0, *(frame + SKIP for frame in failures if frame + SKIP <= len(overlaps))]
    for start, end in zip(cuts, cuts[1:], strict=False):
        padded = np.zeros(length)
        known = np.nan_to_num(overlaps[start : end + 1])  # the frame of the restart belongs to both fragments
        padded[: len(known)] = known
        yield padded, slice(start, end + 1), end - start + 1
    yield np.nan_to_num(overlaps[cuts[-1] :]), slice(cuts[-1], len(overlaps)), 0


def expected_overlap(
    runs: Sequence[tuple[np.ndarray, np.ndarray]], frames: int, tag: np.ndarray | None, length: int
) -> tuple[np.ndarray, np.ndarray]:
    """What one sequence adds to the curve of expected overlaps.

    Args:
        runs: Overlaps (T,) and states of each repetition on the sequence.
        frames: Number of annotated frames.
        tag: Whether an attribute holds in each frame, shape (frames,), for the curve of an attribute; None for all frames.
        length: Number of lengths, at least that of the longest run.

    Returns:
        The sum of weighted mean overlaps and the sum of weights at each length, shape (length,); length 0 counts as 1 by definition.
    """
    above, below = np.zeros(length), np.zeros(length)
    tag = np.ones(frames) if tag is None else tag.astype(np.float64)
    for overlaps, states in runs:
        for overlap, where, share in fragments(overlaps, np.flatnonzero(states == State.FAILED).tolist(), length):
            if len(overlap) < 2:
                continue
            covered = share or frames - where.start
            weight = tag[where].sum() / covered / len(runs)
            means = np.cumsum(overlap[1:]) / np.arange(1, len(overlap))
            counts = ~np.isnan(overlap[1:])  # a frame without an overlap is no end of a fragment; the mean after it is unknown
            above[1 : len(overlap)] += np.where(counts, weight * means, 0)
            below[1 : len(overlap)] += weight * counts
    return above, below
