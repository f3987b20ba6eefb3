"""Cross-validation: every item is predicted by a model that was fitted without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

_FOLDS = 10


def folds(count: int, seed: int = 0, most: int = _FOLDS) -> Iterator[np.ndarray]:
    """Divide N items at random into parts whose sizes differ by one at most.

    Args:
        count: Number of items N.
        seed: Fixes the division.
        most: Number of parts; with fewer items every item is a part of its own.

    Yields:
        For each part, an (N,) mask of its items.
    """
    part = np.random.default_rng(seed).permutation(count) % min(most, count)
    for number in range(part.max() + 1):
        yield part == number


def cross_validated(count: int, predict: Callable[[np.ndarray, np.ndarray], np.ndarray], seed: int = 0) -> np.ndarray:
    """Predict each of N items by a model that was fitted on the parts that it does not belong to.

    Args:
        count: Number of items N.
        predict: Takes two (N,) masks: of the items to fit on, and of the M items to predict. Returns (..., M) predictions.
        seed: Fixes the division into 10 parts.

    Returns:
        (..., N) predictions.
    """
    parts = [(out, np.asarray(predict(~out, out))) for out in folds(count, seed)]
    held_out = np.empty((*parts[0][1].shape[:-1], count))
    for out, predicted in parts:
        held_out[..., out] = predicted
    return held_out
