"""One-pass evaluation: the tracker starts from the first true box and gets no help later; overlap and distance are averaged.

Sources: Wu et al., TPAMI 2015 (OTB: success over 21 thresholds with `>`, precision at 20 px, all frames) and Huang et
al., TPAMI 2019 (GOT-10k: AO, SR0.5, SR0.75, which leave out the first frame, where the box was given). Frames without
a true box are left out of all scores. A missing prediction (NaN) counts as overlap 0 and as more than 20 px off. A perfect tracker
has success 20/21, because no overlap exceeds the last threshold, 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from tracking.boxes import center_error, iou

THRESHOLDS = np.linspace(0, 1, 21)
"""Thresholds of overlap at which OTB's success plot is sampled."""
PRECISION_PX = 20.0
"""Largest distance between the centres, px, that counts as precise."""


@dataclass(frozen=True)
class Scores:
    """Scores of one sequence, or their mean over sequences; all from 0 to 1, higher is better."""

    success: float
    """Area under the success plot: share of frames whose overlap exceeds a threshold, averaged over the thresholds."""
    precision: float
    """Share of frames whose centre is at most 20 px off."""
    ao: float
    """Mean overlap after the first frame."""
    sr50: float
    """Share of frames after the first with overlap above 0.5."""
    sr75: float
    """Share of frames after the first with overlap above 0.75."""


def score(predicted: np.ndarray, truth: np.ndarray) -> Scores:
    """Score the boxes of one sequence.

    Args:
        predicted: Boxes xywh, shape (T, 4); NaN where the tracker gave none.
        truth: Boxes xywh, shape (T, 4); NaN or no area where the target is not annotated.

    Raises:
        ValueError: The shapes differ, or no frame after the first is annotated.
    """
    predicted, truth = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    if predicted.shape != truth.shape or truth.ndim != 2 or truth.shape[1] != 4:
        raise ValueError(f"predicted and true boxes must both have shape (T, 4), got {predicted.shape} and {truth.shape}")
    if not can_score(truth):
        raise ValueError(f"some frame after the first must have a true box, none of {len(truth)} has; score annotated sequences only")
    annotated = _annotated(truth)
    overlap = np.nan_to_num(iou(predicted, truth), nan=0.0)
    after_first = overlap[1:][annotated[1:]]
    return Scores(
        success=float((overlap[annotated, None] > THRESHOLDS).mean()),
        precision=float((center_error(predicted, truth)[annotated] <= PRECISION_PX).mean()),
        ao=float(after_first.mean()),
        sr50=float((after_first > 0.5).mean()),
        sr75=float((after_first > 0.75).mean()),
    )


def can_score(truth: np.ndarray) -> bool:
    """Whether a frame after the first, where the box is given, has a true box; `truth` holds boxes xywh, shape (T, 4)."""
    return bool(_annotated(truth)[1:].any())


def _annotated(truth: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(truth).all(axis=1) & (truth[:, 2:] > 0).all(axis=1))


def average(scores: Sequence[Scores]) -> Scores:
    """Mean over sequences; every sequence weighs the same, whatever its length.

    Raises:
        ValueError: There is no sequence.
    """
    if not scores:
        raise ValueError("an average needs at least one sequence, got none; check the data set and the results folder")
    return Scores(**{field.name: float(np.mean([getattr(one, field.name) for one in scores])) for field in fields(Scores)})
