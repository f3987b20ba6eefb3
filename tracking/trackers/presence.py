"""How sure a siamese tracker is that its target is in the search crop: features of the score map, joined by a logistic regression.

The features are the maximum of the map, its ratio of peak to side-lobe (Bolme et al., CVPR 2010: how far the peak rises above the rest of the
map, in standard deviations of the rest), and how far the maximum has dropped below its running mean; all of logits, since these grow with
the odds. The weights are fitted by `calibration`, and settings carry them. A network may have an output of its own that says so, whose
logit is then one feature more.

Worked example: in a map whose maximum is 3, half of the cells away from it being -1 and half -3, the ratio is (3 - -2) / 1 = 5. With a
running mean of 4 the maximum has dropped by 1. Weights (0.5, 0.4, -1) and an intercept of -2 make the logit 1.5 + 2 - 1 - 2 = 0.5, a score of .62.
"""

from __future__ import annotations

import numpy as np

FEATURES = ("maximum", "ratio", "drop", "output")
"""Names of the features, in order; `output` is the logit of a network that has a presence output, 0 for others."""
_RATE = 0.05
"""Weight of a frame in the running mean of the maximum: the mean is that of about the last twenty frames."""
_DEEPEST = 1.0
"""Drop of the maximum, a logit, from which on a frame has no part in the running mean: what is usual is learnt while the target is there."""
_MOST = 50.0
"""Largest size of a feature: a network may answer with anything."""


def evidence_of(cls: np.ndarray, output: np.ndarray | None, usual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the features of the score maps of B targets.

    Args:
        cls: (B, H, W) logits.
        output: (B,) logits of the presence output, or None without one.
        usual: (B,) running means of the maximum before this frame; NaN for targets without one.

    Returns:
        The features (B, 4), named in `FEATURES`, and the running means (B,) with this frame.
    """
    B, height, width = cls.shape
    best = cls.reshape(B, -1).argmax(axis=1)
    maximum = cls.reshape(B, -1)[np.arange(B), best]
    rows, columns = np.unravel_index(best, (height, width))
    # a target covers a quarter of its search crop's side, and so do the cells that are left out around the peak
    near = (np.abs(np.arange(height) - rows[:, None]) <= height // 8)[:, :, None] & (
        np.abs(np.arange(width) - columns[:, None]) <= width // 8
    )[:, None]
    rest = ~near
    count = np.maximum(rest.sum(axis=(1, 2)), 1)
    mean = (cls * rest).sum(axis=(1, 2)) / count
    spread = np.sqrt((((cls - mean[:, None, None]) * rest) ** 2).sum(axis=(1, 2)) / count)
    ratio = (maximum - mean) / np.maximum(spread, 1e-3)
    before = np.where(np.isnan(usual), maximum, usual)
    drop = before - maximum
    found = np.stack([maximum, ratio, drop, np.zeros(B) if output is None else output], axis=1)
    return np.clip(found, -_MOST, _MOST), np.where(drop < _DEEPEST, before - _RATE * drop, before)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1 + small)
