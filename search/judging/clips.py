"""Judges a tracking procedure on clips: average overlap and area under the success curve, with restarts where the target was lost.

AO is the mean overlap after the first frame, averaged over clips, as in GOT-10k; AUC is the area under the success curve, as in OTB.
Other than there, a tracker that has lost its target is started again, and the frames until then count as overlap 0; see
`tracking.benchmarks.restarts`. The same behind a camera that does not wait is `ao_behind_cameras`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tracking import sequence as tracking_sequence
from tracking.benchmarks import one_pass
from tracking.benchmarks.restarts import Restartable, track_with_restarts
from tracking.camera.schedule import Camera, looks
from tracking.camera.simulated import track_simulated

_SIDE_BY_SIDE = 16
"""Number of sequences tracked at once; more would cost memory and save no time."""


def score_each(procedure: Restartable, sequences: Sequence[tracking_sequence.Sequence]) -> list[one_pass.Scores]:
    """Track sequences with a tracking procedure and restarts, and score each.

    Args:
        procedure: The procedure, e.g. of a candidate with inherited weights, or of a retrained winner.
        sequences: N sequences of equal length.

    Returns:
        The scores of each of the N sequences.
    """
    scores = []
    for first in range(0, len(sequences), _SIDE_BY_SIDE):
        group = list(sequences[first : first + _SIDE_BY_SIDE])
        tracks = track_with_restarts(procedure, group)
        scores += [one_pass.score(boxes, sequence.boxes) for boxes, sequence in zip(tracks, group, strict=True)]
    return scores


def ao_behind_cameras(
    procedure: Restartable, sequences: Sequence[tracking_sequence.Sequence], cameras: Mapping[str, Camera], ao: tuple[float, ...]
) -> dict[str, tuple[float, ...]]:
    """Find the AO of each sequence behind each of some cameras, with restarts.

    Cameras behind which the tracker sees the same frames at the same moments share one run, and one behind which it keeps up needs none: its AO is
    that without a camera. The frames after a restart follow from those after the start, since latencies are the same for every frame.

    Args:
        procedure: The procedure of a candidate.
        sequences: N sequences of equal length.
        cameras: Cameras by name, with the candidate's latency behind them.
        ao: The AO of each sequence without a camera; see `score_each`.

    Returns:
        By the name of the camera, the AO of each of the N sequences.
    """
    length, found = len(sequences[0]), {}
    known = {tuple(looks(Camera(1.0), length)): ao}
    for name, camera in cameras.items():
        seen = tuple(looks(camera, length))
        if seen not in known:
            known[seen] = tuple(_ao_behind(procedure, sequences, camera))
        found[name] = known[seen]
    return found


def _ao_behind(procedure: Restartable, sequences: Sequence[tracking_sequence.Sequence], camera: Camera) -> list[float]:
    scores = []
    for first in range(0, len(sequences), _SIDE_BY_SIDE):
        group = list(sequences[first : first + _SIDE_BY_SIDE])
        runs = track_simulated(procedure, group, [camera] * len(group), restarts=True)
        scores += [one_pass.score(run.boxes, sequence.boxes).ao for run, sequence in zip(runs, group, strict=True)]
    return scores


def static_ao(sequences: Iterable[tracking_sequence.Sequence]) -> float:
    """AO of a box that never moves except at restarts: the baseline that needs no tracking."""
    return float(np.mean([score_each(_Still(), [sequence])[0].ao for sequence in sequences]))


class _Still:
    """A procedure whose state is the boxes that it was started with, which it answers ever after."""

    def start(self, images: list[np.ndarray], boxes: np.ndarray) -> Any:
        return boxes

    def step(self, images: list[np.ndarray], state: Any) -> tuple[Any, np.ndarray, np.ndarray]:
        return state, state, np.ones(len(state))

    def restart(self, images: list[np.ndarray], boxes: np.ndarray, state: Any, rows: np.ndarray) -> Any:
        moved = state.copy()
        moved[rows] = boxes
        return moved
