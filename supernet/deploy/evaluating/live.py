"""Tracks the sequences of an evaluation behind a camera that does not wait, really timed or simulated from a latency."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from supernet.deploy.evaluating.work import Job
from tracking.benchmarks.benchmark import State
from tracking.benchmarks.courses import Track
from tracking.camera.answers import LiveRun, motion_named
from tracking.camera.live import track_live
from tracking.camera.schedule import Camera, check_rate
from tracking.camera.simulated import behind_camera
from tracking.files.runs import Run
from tracking.lockstep import Course, lockstep
from tracking.trackers import Procedure
from tracking.trackers.procedure import check_box


@dataclass(frozen=True)
class Live:
    """The camera of an evaluation, and how long the tracker takes."""

    fps: float
    """Frames that arrive in a second."""
    latency_ms: float | None = None
    """Milliseconds that a frame takes, from which time is simulated; None if it is taken really."""
    template_ms: float = 0.0
    """Milliseconds that the tracker is busy with its template in the first frame, where time is simulated."""
    motion: str = "hold"
    """What counts for frames without an answer of their own: a key of `MOTIONS`."""

    def __post_init__(self):
        check_rate(self.fps)
        motion_named(self.motion)
        if self.latency_ms is not None:
            Camera(self.fps, self.latency_ms, self.template_ms)

    def answer(self, runs: Sequence[Run]) -> dict:
        """What scores.json says of the camera: its settings, and the share of the frames that the tracker was shown and answered in time."""
        shown = np.concatenate([np.isfinite(run.seconds) for run in runs])
        return {**asdict(self), "shown": float(shown.mean())}


def track_live_jobs(tracker: Procedure, jobs: Iterable[Job], batch: int, live: Live) -> Iterator[tuple[int, str]]:
    """Track sequences behind a camera and write their files, each sequence as soon as it is finished.

    The seconds of a frame that the tracker was not shown, or not in time, are NaN; where time is simulated, the others are the given latency.

    Args:
        tracker: The tracking procedure.
        jobs: What to track, without restarts.
        batch: Number of sequences that are tracked at once where time is simulated; 1 where it is taken really.
        live: The camera.

    Yields:
        The number of a job, from 0, and why it could not be done; nothing if it could.
    """
    taken: list[Job] = []
    for number, run in _runs(tracker, _noting(jobs, taken), batch, live):
        try:
            if isinstance(run, Exception):
                raise run
            _save(taken[number], run)
            yield number, ""
        except (ValueError, OSError) as err:
            yield number, str(err)


def _runs(tracker: Procedure, jobs: Iterator[Job], batch: int, live: Live) -> Iterator[tuple[int, LiveRun | Exception]]:
    if live.latency_ms is not None:
        yield from lockstep(tracker, (_course(job, live, live.latency_ms) for job in jobs), batch)
        return
    for number, job in enumerate(jobs):
        try:
            yield number, track_live(tracker, job.sequence, live.fps, motion_named(live.motion))
        except (ValueError, OSError) as err:
            yield number, err


def _course(job: Job, live: Live, latency_ms: float) -> Course[LiveRun]:
    check_box(job.sequence.boxes[0], job.sequence.image(0))
    return (yield from behind_camera(job.sequence, Camera(live.fps, latency_ms, live.template_ms), motion_named(live.motion)))


def _noting(jobs: Iterable[Job], taken: list[Job]) -> Iterator[Job]:
    for job in jobs:
        taken.append(job)
        yield job


def _save(job: Job, run: LiveRun) -> None:
    states = np.full(len(run.boxes), State.TRACKED, np.int8)
    states[0] = State.INITIALISED
    seconds, unknown = np.full((2, len(run.boxes)), np.nan)
    seconds[run.shown] = run.seconds
    job.save(Track(run.boxes, run.scores, states), seconds, unknown)
