"""Fits the presence score of a siamese tracker to its network: the logistic regression of `presence`, and the thresholds of `lost`.

The tracker follows targets through clips in which they are away for some of the frames. In each frame the box either lies on a target that is there, or
not: the target is away, or the tracker is somewhere else. Both are weighed alike, so a score of .5 means even odds. At most a twentieth of the boxes
that lie on their targets become doubtful, and at most a tenth of the others would be taken for a target that is found again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tracking.benchmarks.restarts import LOST_BELOW
from tracking.boxes import iou
from tracking.sequence import Sequence as Clip
from tracking.trackers.presence import FEATURES
from tracking.trackers.siamese import Siamese, SiameseSettings

_TOGETHER = 8
"""Number of clips that are tracked at once."""
_DOUBTED, _FOOLED = 0.05, 0.1
"""Share of the boxes on their targets that may be doubtful, and of the others that may be certain."""
_LEAST_SPREAD = 1e-6
_SIGNS = np.array([1, 1, -1, 1])
"""Sign that the weight of each feature has, unless it is 0."""


@dataclass(frozen=True)
class Watched:
    """What a tracker saw in N frames, and whether it was right."""

    evidence: np.ndarray
    """(N, 4) features, see `presence.FEATURES`."""
    scores: np.ndarray
    """(N,) scores of the boxes."""
    on_target: np.ndarray
    """(N,) whether the box lies on a target that is there."""
    visible: np.ndarray
    """(N,) whether the target is there."""


def watch(tracker: Siamese, clips: Sequence[Clip]) -> Watched:
    """Track clips of equal length, and keep what is known of every frame but the first of each."""
    rows: list[tuple[np.ndarray, ...]] = []
    for first in range(0, len(clips), _TOGETHER):
        group = clips[first : first + _TOGETHER]
        state = tracker.start([clip.image(0) for clip in group], np.stack([clip.boxes[0] for clip in group]))
        for t in range(1, len(group[0])):
            state, boxes, scores = tracker.step([clip.image(t) for clip in group], state)
            overlap = np.nan_to_num(iou(boxes, np.stack([clip.boxes[t] for clip in group])))
            visible = np.array([clip.visible[t] for clip in group])
            rows.append((state.evidence, scores, visible & (overlap > LOST_BELOW), visible))
    return Watched(*(np.concatenate(parts) for parts in zip(*rows, strict=True)))


def area(watched: Watched) -> float | None:
    """ROC AUC of the scores: does the box lie on a target that is there? None where it always or never does."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(watched.on_target, watched.scores)) if 0 < watched.on_target.mean() < 1 else None


def calibrated(tracker: Callable[[SiameseSettings], Siamese], settings: SiameseSettings, clips: Sequence[Clip]) -> SiameseSettings:
    """Fit the presence score, which changes no box.

    Args:
        tracker: Makes the tracking procedure with given settings.
        settings: The settings as they are.
        clips: Clips of equal length, in which targets are away for some of the frames.

    Returns:
        The settings with weights and thresholds; the old ones if boxes lie on their targets in all frames or in none.
    """
    watched = watch(tracker(settings), clips)
    if not 0 < watched.on_target.mean() < 1:
        return settings
    intercept, weights = fitted(watched.evidence, watched.on_target)
    named = {f"presence_{name}": round(float(weight), 4) for name, weight in zip(FEATURES, weights, strict=True)}
    scored = replace(settings, presence_intercept=round(intercept, 4), **named)
    scores = scored.presence(watched.evidence)
    doubtful = min(0.5, float(np.quantile(scores[watched.on_target], _DOUBTED)))
    certain = max(0.5, float(np.quantile(scores[~watched.on_target], 1 - _FOOLED)))
    return replace(scored, lost_below=round(doubtful, 3), found_above=round(certain, 3))


def fitted(evidence: np.ndarray, on_target: np.ndarray) -> tuple[float, np.ndarray]:
    """Fit a logistic regression in which both kinds of frames weigh alike.

    Args:
        evidence: (N, 4) features, see `presence.FEATURES`.
        on_target: (N,) what they are to tell; both values occur.

    Returns:
        The intercept, and the weights (4,). A feature that never changes has the weight 0, and so has one that would say the opposite of
        what it means: it tells nothing that the others do not.
    """
    from sklearn.linear_model import LogisticRegression

    mean, spread = evidence.mean(axis=0), evidence.std(axis=0)
    weights, intercept, used = np.zeros(len(FEATURES)), 0.0, spread > _LEAST_SPREAD
    while used.any():
        model = LogisticRegression(class_weight="balanced").fit((evidence[:, used] - mean[used]) / spread[used], on_target)
        weights[:] = 0
        weights[used] = model.coef_[0] / spread[used]
        intercept = float(model.intercept_[0] - weights @ mean)
        if not (wrong := weights * _SIGNS < 0).any():
            break
        used &= ~wrong
        weights[wrong] = 0
    return intercept, weights
