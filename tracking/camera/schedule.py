"""Which frames a tracker sees behind a camera that does not wait, and from which frame on each of its answers counts.

Frame t arrives at the time t / fps. A tracker that is free takes the newest frame that has arrived; if it has seen that one already, it
waits for the next. The camera does not wait for the tracker: what arrives while it works is never seen, unless it is the newest frame when
the tracker is free again.

An answer counts from the frame on that is the newest when the answer is ready, until another one counts. For the frame that it is about, it
counts already if it is ready by the arrival of the next frame, at the same moment included; else that frame counts with the answer before.
So an answer that is ready at the time r, in periods, counts from frame floor(r) on, or from its own frame t on if r <= t + 1. The first frame
counts with the box that is given there; the tracker is busy with it for the time of the template.

Worked example: a tracker takes 2.5 periods a frame, and its template takes no time. It sees frame 1 at the time 1 and answers at 3.5; takes
frame 3, the newest, and answers at 6.0, when frame 6 arrives; takes that one and answers at 8.5. So frames 0 to 2 count with the given box,
frames 3 to 5 with the answer about frame 1, frames 6 and 7 with the one about frame 3, and from frame 8 on the one about frame 6 counts. A
tracker that takes a period or less sees every frame, and each counts with its own answer, as without a camera.

Sources: the real-time experiment of VOT2017 (Kristan et al., ICCV Workshops 2017), where a frame whose answer is not there when the next one
arrives counts with the last box; and Li et al., Towards Streaming Perception, ECCV 2020, where whatever was answered last counts at any time.
Li et al. ask at the moment when a frame arrives, so that no answer is ever about the frame that is asked for; here a frame has until the next
one, so that a tracker which keeps up loses nothing. The vot-toolkit (RealtimeTrackerRuntime) counts the frame that is worked on with its own
answer, however late that comes; here it must be ready.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

PERIOD = 10**9
"""Time is counted in billionths of the period between two frames: whole numbers, so that 33.333... ms at 30 fps are exactly a period."""


@dataclass(frozen=True)
class Camera:
    """A camera, and how long a tracker behind it takes."""

    fps: float
    """Frames that arrive in a second."""
    latency_ms: float | tuple[float, ...] = 0.0
    """Milliseconds from taking a frame to its answer: the same for all frames, or one value for each frame of the sequence, of which those
    of frames that are not seen, and that of the first one, are not used."""
    template_ms: float = 0.0
    """Milliseconds that the tracker is busy where it is given the box, in the first frame and at a restart."""

    def __post_init__(self):
        check_rate(self.fps)
        for ms in (*(self.latency_ms if isinstance(self.latency_ms, tuple) else (self.latency_ms,)), self.template_ms):
            if not (math.isfinite(ms) and ms >= 0):
                raise ValueError(f"a latency must be a number of milliseconds from 0 on, got {ms!r:.40}; write for example 12")

    def frame_ms(self, frame: int) -> float:
        """Milliseconds from taking a frame to its answer.

        Raises:
            ValueError: The latencies of single frames end before this one.
        """
        if not isinstance(self.latency_ms, tuple):
            return self.latency_ms
        if frame >= len(self.latency_ms):
            raise ValueError(f"each frame must have a latency, frame {frame} has none of {len(self.latency_ms)}; give a single one for all")
        return self.latency_ms[frame]


@dataclass(frozen=True)
class Look:
    """One frame that the tracker sees."""

    frame: int
    """Number of the frame, from 0."""
    counts_from: int
    """The first frame that counts with what the tracker answers, unless it is the first of a later answer as well."""


def check_rate(fps: float) -> None:
    """Refuse a rate at which no frames would arrive, or infinitely many.

    Raises:
        ValueError: It is not a number above 0.
    """
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"a camera's rate must be a number of frames a second above 0, got {fps!r:.40}; 30 is usual")


def ticks(seconds: float, fps: float) -> int:
    """Seconds as billionths of a period.

    >>> ticks(0.25, fps=10), ticks(1 / 30, fps=30)
    (2500000000, 1000000000)
    """
    return round(seconds * fps * PERIOD)


def newest(now: int, seen: int, frames: int) -> int | None:
    """The frame that a free tracker takes: the newest that has arrived, or else the next one.

    Args:
        now: The time in billionths of a period since the arrival of frame 0.
        seen: Number of the last frame that was seen.
        frames: Number of frames of the sequence.

    Returns:
        None if the last frame of the sequence was seen.
    """
    return min(max(seen + 1, now // PERIOD), frames - 1) if seen < frames - 1 else None


def counting_from(frame: int, ready: int) -> int:
    """The first frame that counts with an answer about a frame that is ready at a time, in billionths of a period.

    >>> counting_from(1, 2 * PERIOD), counting_from(1, 2 * PERIOD + 1), counting_from(1, 7 * PERIOD // 2)
    (1, 2, 3)
    """
    return frame if ready <= (frame + 1) * PERIOD else ready // PERIOD


def looks(camera: Camera, frames: int, first: int = 0) -> Iterator[Look]:
    """Find which frames a tracker sees after the one where it was started.

    Args:
        camera: The camera and the tracker's latency.
        frames: Number of frames of the sequence.
        first: Number of the frame where the tracker is given the box.

    Yields:
        The frames in order; a last one whose answer comes after the last frame is left out.

    >>> [(look.frame, look.counts_from) for look in looks(Camera(10, 250), 12)]
    [(1, 3), (3, 6), (6, 8), (8, 11)]
    """
    free, seen = first * PERIOD + ticks(camera.template_ms / 1000, camera.fps), first
    while (frame := newest(free, seen, frames)) is not None:
        free = max(free, frame * PERIOD) + ticks(camera.frame_ms(frame) / 1000, camera.fps)
        if (counts_from := counting_from(frame, free)) >= frames:
            return
        yield Look(frame, counts_from)
        seen = frame
