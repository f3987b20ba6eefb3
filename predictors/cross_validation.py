"""Cross-validation: every item is predicted by a model that was fitted on others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

_FOLDS = 10


def folds(count: int, seed: int = 0, most: int = _FOLDS) -> Iterator[np.ndarray]:
    """Divide items at random into parts of equal size.

    Args:
        count: Number of items N.
        seed: Fixes the parts.
        most: Number of parts; with fewer items every item is a part.

    Yields:
        (N,) which items belong to a part.
    """
    part = np.random.default_rng(seed).permutation(count) % min(most, count)
    for number in range(part.max() + 1):
        yield part == number


def cross_validated(count: int, predict: Callable[[np.ndarray, np.ndarray], np.ndarray], seed: int = 0) -> np.ndarray:
    """Predict each of N items by a model that was fitted on the other parts.

    Args:
        count: Number of items N.
        predict: Takes (N,) which items may be known and (N,) which are wanted; fits, and returns (..., M) predictions of the M wanted.
        seed: Fixes the parts.

    Returns:
        (..., N) predictions.
    """
    parts = [(out, np.asarray(predict(~out, out))) for out in folds(count, seed)]
    held_out = np.empty((*parts[0][1].shape[:-1], count))
    for out, predicted in parts:
        held_out[..., out] = predicted
    return held_out
