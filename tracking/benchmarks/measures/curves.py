"""Success and precision curves: the share of frames whose overlap exceeds a threshold, or whose centre is near enough.

Source: Wu et al., Object Tracking Benchmark, TPAMI 2015 (success and precision); Müller et al., TrackingNet, ECCV 2018 (normalised
precision).
"""

from __future__ import annotations

import numpy as np

THRESHOLDS = np.linspace(0, 1, 21)
"""Overlaps at which success is sampled; a frame must exceed them, so that a perfect tracker has success 20/21 (rule S1)."""
DISTANCES_PX = np.arange(51.0)
"""Distances between centres at which precision is sampled, px; a frame may be as far off (rule P1)."""
DISTANCES = np.arange(51) / 100
"""Distances between centres, as a share of the target's size, at which normalised precision is sampled (rule P2)."""
PRECISE = 20
"""Place in both at which precision is told: 20 px, and 0.20 of the target's size."""


def success(overlaps: np.ndarray, frames: int) -> np.ndarray:
    """The success curve of a sequence.

    Args:
        overlaps: Overlaps of frames, shape (T,); NaN is a miss.
        frames: Number of frames of the sequence, by which is divided.

    Returns:
        Shape (21,), falling; its mean is the area under the curve (AUC).
    """
    return (overlaps[:, None] > THRESHOLDS).sum(axis=0) / frames


def precision(distances: np.ndarray, frames: int, thresholds: np.ndarray = DISTANCES_PX) -> np.ndarray:
    """The precision curve of a sequence.

    Args:
        distances: Distances between centres, shape (T,); NaN is a miss.
        frames: Number of frames of the sequence, by which is divided.
        thresholds: Where the curve is sampled.

    Returns:
        As many numbers as thresholds, rising.
    """
    return (distances[:, None] <= thresholds).sum(axis=0) / frames
