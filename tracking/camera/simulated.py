"""Tracks sequences behind a simulated camera: exact and alike on every machine, since time follows from given latencies.

Which frames are shown is known before anything is tracked (see `schedule`); with restarts it is known up to the next one. What happens to one
sequence is a course, which asks for these frames alone; so sequences with lengths and cameras of their own are tracked in lockstep.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from tracking.benchmarks.restarts import LOST_BELOW, PATIENCE, SKIP
from tracking.boxes import iou
from tracking.camera.answers import LiveRun, Motion, Seen, hold
from tracking.camera.schedule import Camera, looks
from tracking.lockstep import BATCH, Batchable, Course, Shown, lockstep, longest_first
from tracking.sequence import Sequence


def track_simulated(
    procedure: Batchable, videos: list[Sequence], cameras: list[Camera], motion: Motion = hold, restarts: bool = False, batch: int = BATCH
) -> list[LiveRun]:
    """Track the target of each sequence behind a camera, several at once.

    Args:
        procedure: A tracking procedure.
        videos: N sequences of any lengths and image sizes.
        cameras: For each sequence its camera, and the tracker's latency there.
        motion: What counts for frames without an answer of their own; see `MOTIONS`.
        restarts: Whether the tracker is started again where it has lost the target; see `behind_camera`.
        batch: Number of targets that are tracked at once.

    Returns:
        For each sequence, in order, what counted for its frames.

    Raises:
        OSError, ValueError: A sequence cannot be read, or there is not one camera for each.
    """
    if len(videos) != len(cameras):
        raise ValueError(f"each sequence must have a camera, got {len(videos)} sequences and {len(cameras)} cameras")
    order, runs = longest_first(videos), {}
    courses = (behind_camera(videos[number], cameras[number], motion, restarts) for number in order)
    for number, run in lockstep(procedure, courses, batch):
        if isinstance(run, Exception):
            raise run
        runs[order[number]] = run
    return [runs[number] for number in range(len(videos))]


def behind_camera(video: Sequence, camera: Camera, motion: Motion = hold, restarts: bool = False) -> Course[LiveRun]:
    """The tracker begins with the first box and sees what it is fast enough for; the result is what counted for each frame.

    Args:
        video: A sequence. Only the box of its first frame is used, unless there are restarts.
        camera: The camera, and the tracker's latency.
        motion: What counts for frames without an answer of their own.
        restarts: Whether the tracker is started again where what counted for a frame has lost the target, by the rules of
            `tracking.benchmarks.restarts`. It drops what it is working on, and takes the time of the template then. At latencies up to a
            period the boxes are those of `track_with_restarts`.
    """
    truth, frames, image = video.boxes, len(video), video.image(0)
    size = image.shape[1], image.shape[0]
    annotated = np.asarray(np.isfinite(truth).all(-1) & (truth[:, 2:] > 0).all(-1))
    boxes, scores = np.full((frames, 4), np.nan), np.zeros(frames)
    shown, seconds = [0], [camera.template_ms / 1000]
    yield Shown(image, truth[0])
    boxes[0], scores[0] = truth[0], 1.0
    known, coming = deque([Seen(0, truth[0])], maxlen=2), deque(looks(camera, frames))
    due, low = -1, 0
    for frame in range(1, frames):
        if due >= 0:
            if frame >= due and annotated[frame]:
                yield Shown(video.image(frame), truth[frame])
                known, coming = deque([Seen(frame, truth[frame])], maxlen=2), deque(looks(camera, frames, frame))
                due, low = -1, 0
            continue
        while coming and coming[0].counts_from <= frame:
            look = coming.popleft()
            answer = yield Shown(video.image(look.frame))
            known.append(Seen(look.frame, answer.box, answer.score))
            shown.append(look.frame)
            seconds.append(camera.frame_ms(look.frame) / 1000)
        boxes[frame], scores[frame] = motion(known, frame, size), known[-1].score
        if restarts and annotated[frame]:
            overlap = float(np.nan_to_num(iou(boxes[frame], truth[frame])))
            low = low + 1 if overlap < LOST_BELOW else 0
            if overlap == 0 or low >= PATIENCE:
                due = frame + SKIP
    return LiveRun(boxes, scores, np.array(shown), np.array(seconds))
