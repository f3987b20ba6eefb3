"""Tracks a sequence behind a camera in real time: frames arrive by the clock, and the tracker takes as long as it takes.

Which frame is shown next and from where on an answer counts is decided as in `schedule`, so that a simulation with the latencies of a run gives
the boxes of that run. Reading and decoding an image belongs to the camera and not to the tracker: the camera's time stands still meanwhile.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Protocol

import numpy as np

from tracking.camera.answers import LiveRun, Motion, Seen, hold
from tracking.camera.schedule import PERIOD, check_rate, counting_from, newest, ticks
from tracking.sequence import Sequence
from tracking.trackers.procedure import Procedure, check_box


class Clock(Protocol):
    """What time it is, and waiting."""

    def now(self) -> float:
        """Seconds since any fixed moment; never less than before."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for some time."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        return time.perf_counter()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


SYSTEM = SystemClock()


def track_live(procedure: Procedure, video: Sequence, fps: float, motion: Motion = hold, clock: Clock = SYSTEM) -> LiveRun:
    """Track the target of a sequence behind a camera, and take the time.

    Args:
        procedure: A tracking procedure.
        video: A sequence of any length. Only the box of its first frame is used.
        fps: Frames that arrive in a second.
        motion: What counts for frames without an answer of their own; see `MOTIONS`.
        clock: Tells the time.

    Raises:
        ValueError: The rate is not above 0, or the first box does not lie in its image.
    """
    check_rate(fps)
    frames, image = len(video), video.image(0)
    size = image.shape[1], image.shape[0]
    check_box(video.boxes[0], image)
    begun = clock.now()  # when frame 0 arrives
    state = procedure.start([image], video.boxes[0][None])
    seen, shown, seconds = 0, [0], [clock.now() - begun]
    ready: deque[tuple[int, Seen]] = deque()
    while (frame := newest(ticks(clock.now() - begun, fps), seen, frames)) is not None:
        while (early := frame * PERIOD - ticks(clock.now() - begun, fps)) > 0:
            clock.sleep(early / PERIOD / fps)
        reading = clock.now()
        image = video.image(frame)
        begun += clock.now() - reading
        taken = clock.now()
        state, found, scores = procedure.step([image], state)
        done = clock.now()
        if (counts_from := counting_from(frame, ticks(done - begun, fps))) >= frames:
            break
        ready.append((counts_from, Seen(frame, found[0], float(scores[0]))))
        shown.append(frame)
        seconds.append(done - taken)
        seen = frame
    boxes, scores = np.empty((frames, 4)), np.empty(frames)
    answers = deque([Seen(0, video.boxes[0])], maxlen=2)
    for frame in range(frames):
        while ready and ready[0][0] <= frame:
            answers.append(ready.popleft()[1])
        boxes[frame], scores[frame] = motion(answers, frame, size), answers[-1].score
    return LiveRun(boxes, scores, np.array(shown), np.array(seconds))
