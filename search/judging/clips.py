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
from tracking.benchmarks.restarts import track_with_restarts
from tracking.camera.schedule import Camera, looks
from tracking.camera.simulated import track_simulated
from tracking.lockstep import Batchable


def score_each(procedure: Batchable, sequences: Sequence[tracking_sequence.Sequence]) -> list[one_pass.Scores]:
    """Track sequences with a tracking procedure and restarts, and score each.

    Args:
        procedure: The procedure, e.g. of a candidate with inherited weights, or of a retrained winner.
        sequences: N sequences of any lengths.

    Returns:
        The scores of each of the N sequences.
    """
    tracks = track_with_restarts(procedure, list(sequences))
    return [one_pass.score(boxes, sequence.boxes) for boxes, sequence in zip(tracks, sequences, strict=True)]


def ao_behind_cameras(
    procedure: Batchable, sequences: Sequence[tracking_sequence.Sequence], cameras: Mapping[str, Camera], ao: tuple[float, ...]
) -> dict[str, tuple[float, ...]]:
    """Find the AO of each sequence behind each of some cameras, with restarts.

    Cameras behind which the tracker sees the same frames at the same moments share one run, and one behind which it keeps up needs none: its AO is
    that without a camera. The frames after a restart follow from those after the start, since latencies are the same for every frame.

    Args:
        procedure: The procedure of a candidate.
        sequences: N sequences of any lengths.
        cameras: Cameras by name, with the candidate's latency behind them.
        ao: The AO of each sequence without a camera; see `score_each`.

    Returns:
        By the name of the camera, the AO of each of the N sequences.
    """
    length, found = max(map(len, sequences)), {}
    known = {tuple(looks(Camera(1.0), length)): ao}
    for name, camera in cameras.items():
        seen = tuple(looks(camera, length))
        if seen not in known:
            runs = track_simulated(procedure, list(sequences), [camera] * len(sequences), restarts=True)
            known[seen] = tuple(one_pass.score(run.boxes, sequence.boxes).ao for run, sequence in zip(runs, sequences, strict=True))
        found[name] = known[seen]
    return found


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

    def select(self, state: Any, rows: np.ndarray) -> Any:
        return state[rows]
