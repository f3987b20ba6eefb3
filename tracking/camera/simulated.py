"""Tracks sequences behind a simulated camera: exact and alike on every machine, since time follows from given latencies.

Which frames each sequence shows is known before anything is tracked (see `schedule`); with restarts it is known up to the next one. So
sequences are tracked in lockstep by the number of the look and not of the frame: a step of the procedure sees the second frame that the
first sequence shows, be it frame 3, and the second that the other one shows, be it frame 2. Sequences may have lengths and cameras of their
own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from tracking.benchmarks.restarts import LOST_BELOW, PATIENCE, SKIP, Restartable
from tracking.boxes import iou
from tracking.camera.answers import Answer, LiveRun, Motion, hold
from tracking.camera.schedule import Camera, looks
from tracking.sequence import Sequence as Video


@dataclass(frozen=True)
class _Wish:
    """A frame that a sequence shows next, and whether the tracker is given the box there."""

    frame: int
    given: bool = False


_Watcher = Generator[_Wish, Answer | None, LiveRun]
"""What goes on in one sequence: frames to be shown, each of which is answered, and in the end what counted."""


def track_simulated(
    procedure: Restartable,
    videos: Sequence[Video],
    cameras: Sequence[Camera],
    motion: Motion = hold,
    restarts: bool = False,
) -> list[LiveRun]:
    """Track the target of each sequence behind a camera, all sequences as one batch.

    Args:
        procedure: A tracking procedure.
        videos: N sequences of any lengths and image sizes. Only the boxes of the first frames are used, unless there are restarts.
        cameras: For each sequence its camera, and the tracker's latency there.
        motion: What counts for frames without an answer of their own; see `MOTIONS`.
        restarts: Whether the tracker is started again where what counted for a frame has lost the target, by the rules of
            `tracking.benchmarks.restarts`. It drops what it is working on and takes the time of the template then. With latencies up to a period
            the boxes are those of `track_with_restarts`.

    Returns:
        For each sequence, in order, what counted for its frames.

    Raises:
        ValueError: There are no sequences, or not one camera for each.
    """
    if not videos or len(videos) != len(cameras):
        raise ValueError(f"each of one or more sequences must have a camera, got {len(videos)} sequences and {len(cameras)} cameras")
    images = [video.image(0) for video in videos]
    sizes = [(image.shape[1], image.shape[0]) for image in images]
    known = zip(videos, cameras, sizes, strict=True)
    watchers = [_watch(video.boxes, camera, motion, size, restarts) for video, camera, size in known]
    state = procedure.start(images, np.stack([video.boxes[0] for video in videos]))
    runs: dict[int, LiveRun] = {}
    wishes: dict[int, _Wish] = {}

    def answer(row: int, said: Answer | None) -> None:
        wishes.pop(row, None)
        try:
            wishes[row] = watchers[row].send(said)
        except StopIteration as end:
            runs[row] = end.value

    for row in range(len(videos)):
        answer(row, None)
    while wishes:
        if given := [row for row, wish in wishes.items() if wish.given]:
            frames = [wishes[row].frame for row in given]
            shown = [videos[row].image(frame) for row, frame in zip(given, frames, strict=True)]
            boxes = np.stack([videos[row].boxes[frame] for row, frame in zip(given, frames, strict=True)])
            state = procedure.restart(shown, boxes, state, np.array(given))
            for row in given:
                answer(row, None)
            continue
        for row, wish in wishes.items():
            images[row] = videos[row].image(wish.frame)  # a sequence that has ended goes on showing its last one
        state, boxes, scores = procedure.step(images, state)
        for row, wish in list(wishes.items()):
            answer(row, Answer(wish.frame, boxes[row], float(scores[row])))
    return [runs[row] for row in range(len(videos))]


def _watch(truth: np.ndarray, camera: Camera, motion: Motion, size: tuple[int, int], restarts: bool) -> _Watcher:
    """Follow one sequence: ask for the frames that the camera shows, and say for each frame what counts."""
    frames = len(truth)
    annotated = np.asarray(np.isfinite(truth).all(-1) & (truth[:, 2:] > 0).all(-1))
    boxes, scores = np.full((frames, 4), np.nan), np.zeros(frames)
    boxes[0], scores[0] = truth[0], 1.0
    answers, coming = deque([Answer(0, truth[0])], maxlen=2), deque(looks(camera, frames))
    shown, seconds = [0], [camera.template_ms / 1000]
    due, low = -1, 0
    for frame in range(1, frames):
        if due >= 0:
            if frame >= due and annotated[frame]:
                yield _Wish(frame, given=True)
                answers, coming = deque([Answer(frame, truth[frame])], maxlen=2), deque(looks(camera, frames, frame))
                due, low = -1, 0
            continue
        while coming and coming[0].counts_from <= frame:
            said = yield _Wish(coming.popleft().frame)
            assert said is not None, "a frame that was shown is answered"
            answers.append(said)
            shown.append(said.frame)
            seconds.append(_seconds(camera, said.frame))
        boxes[frame], scores[frame] = motion(answers, frame, size), answers[-1].score
        if restarts and annotated[frame]:
            overlap = np.nan_to_num(iou(boxes[frame], truth[frame]))
            low = low + 1 if overlap < LOST_BELOW else 0
            if overlap == 0 or low >= PATIENCE:
                due = frame + SKIP
    return LiveRun(boxes, scores, np.array(shown), np.array(seconds))


def _seconds(camera: Camera, frame: int) -> float:
    return (camera.latency_ms[frame] if isinstance(camera.latency_ms, tuple) else camera.latency_ms) / 1000
