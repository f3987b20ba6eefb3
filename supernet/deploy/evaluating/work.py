"""Tracks sequences and keeps what the tracker said, one by one with honest times or several in lockstep."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracking.benchmarks.benchmark import State
from tracking.benchmarks.courses import Track, with_restarts, without_help
from tracking.files.runs import Run, save_run
from tracking.lockstep import Answer, Course, lockstep
from tracking.sequence import Sequence
from tracking.trackers import Procedure


@dataclass(frozen=True, eq=False)
class Job:
    """A sequence to track, by a protocol, into a results folder."""

    sequence: Sequence
    folder: Path
    regions: np.ndarray | None = None
    """True regions that decide where the tracker has failed, px, 0-based, (T, 4) or (T, 8); None if it is never started again."""
    skip: int = 0
    """Frames from a failure to the restart."""

    def course(self) -> Course[Track]:
        """How the tracker is run."""
        return without_help(self.sequence) if self.regions is None else with_restarts(self.sequence, self.regions, self.skip)

    def save(self, track: Track, seconds: np.ndarray, reading: np.ndarray) -> None:
        """Write the files of the sequence."""
        states = None if self.regions is None else track.states
        save_run(Run(self.sequence.name, track.boxes, track.scores, seconds, reading, states), self.folder)


def track_jobs(tracker: Procedure, jobs: Iterable[Job], batch: int) -> Iterator[tuple[int, str]]:
    """Track sequences and write their files, each sequence as soon as it is finished.

    Args:
        tracker: The tracking procedure.
        jobs: What to track; taken one by one, when there is room for another.
        batch: Number of sequences that are tracked at once. Times are known for 1 only: a batch answers for all its frames together.

    Yields:
        The number of a job, from 0, and why it could not be done; nothing if it could.
    """
    if batch == 1:
        for number, job in enumerate(jobs):
            try:
                job.save(*timed(tracker, job.course()))
                yield number, ""
            except (ValueError, OSError) as err:
                yield number, str(err)
        return
    taken: list[Job] = []

    def courses() -> Iterator[Course[Track]]:
        for job in jobs:
            taken.append(job)
            yield job.course()

    for number, result in lockstep(tracker, courses(), batch):
        if isinstance(result, Exception):
            yield number, str(result)
            continue
        unknown = np.full(len(result.boxes), np.nan)
        try:
            taken[number].save(result, unknown, unknown)
            yield number, ""
        except OSError as err:
            yield number, str(err)


def timed(tracker: Procedure, course: Course[Track]) -> tuple[Track, np.ndarray, np.ndarray]:
    """Run a course alone and time it.

    Returns:
        The track; the seconds that the tracker took for each frame, (T,), NaN where it was not running; and the seconds that it took to read
        and decode each frame, (T,), which include the comparison with the truth where the protocol asks for one.
    """
    spent, read, state = [], [], None
    answer: Answer | None = None
    while True:
        begun = time.perf_counter()
        try:
            shown = next(course) if answer is None else course.send(answer)
        except StopIteration as end:
            track: Track = end.value
            break
        ready = time.perf_counter()
        if shown.box is not None:
            state = tracker.start([shown.image], shown.box[None])
            answer = Answer(shown.box, 1.0)
        else:
            state, boxes, scores = tracker.step([shown.image], state)
            answer = Answer(boxes[0], float(scores[0]))
        spent.append(time.perf_counter() - ready)
        read.append(ready - begun)
    seconds, reading = np.full(len(track.boxes), np.nan), np.full(len(track.boxes), np.nan)
    shown_frames = track.states != State.SKIPPED
    seconds[shown_frames], reading[shown_frames] = spent, read
    return track, seconds, reading
