"""The verb `track`: follows a target through a sequence, a folder of images, a video or a camera, and writes its boxes."""

from __future__ import annotations

from array import array
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from supernet import shipped
from supernet.deploy.loading import load_for_tracking
from tracking.benchmarks.one_pass import can_score, score
from tracking.boxes import parse_box
from tracking.canvas import canvas, check_video
from tracking.files.annotations import write_boxes
from tracking.files.guard import Reads, Writes, guarded
from tracking.files.progress import progress, say
from tracking.matching import ranges
from tracking.sources import Source, open_source
from tracking.trackers import Procedure
from tracking.trackers.procedure import TrackResult, follow
from tracking.trackers.recovering import Recovering
from tracking.trackers.siamese import Siamese

_UNKNOWN = (np.nan,) * 4


@dataclass(frozen=True)
class TrackingConstants:
    """Constants of the tracking procedure that a person may change; None keeps the one that is stored with the model."""

    penalty_k: float | None = None
    """How strongly a change of size or aspect ratio lowers a score; by default as stored with the model."""
    lr: float | None = None
    """Rate at which the size of the box follows the predicted size, 0 to 1; by default as stored with the model."""
    window_influence: float | None = None
    """Weight, 0 to 1, of a window that favours the middle of the search crop; by default as stored with the model."""
    search_size: int | None = None
    """Side of the search crop, px; by default as stored with the model."""
    small_target_size: int | None = None
    """Side of the search crop for small targets, px; by default as stored with the model."""

    least_size: float | None = None
    """Smallest width and height of a predicted box, px; by default as stored with the model, which is 10 like the public tracker's."""

    @property
    def changes(self) -> dict[str, float]:
        """The constants that were given, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Shown:
    """Where a person sees the boxes."""

    video: Annotated[Path | None, Writes()] = None
    """Video file to write (.mp4, .avi, .mkv or .mov), which shows the boxes."""
    show: bool = False
    """Show the boxes in a window; q or Escape ends tracking."""


@dataclass(frozen=True)
class WhenLost:
    """What happens when the target is lost."""

    recover: Literal["calibrated", "always", "never"] = "calibrated"
    """Whether a lost target is looked for around the place where it was last seen, ever further away: by trackers whose score `tune` has
    calibrated, by all (always), or by none (never)."""
    blank_lost: bool = False
    """Write nan,nan,nan,nan for frames in which the target is lost, in place of a box."""


@guarded
def track(
    model: Annotated[str | None, Reads()],
    source: Annotated[str, Reads()],
    *,
    box: str | None = None,
    out: Annotated[Path | None, Writes()] = None,
    shown: Shown = Shown(),
    constants: TrackingConstants = TrackingConstants(),
    when_lost: WhenLost = WhenLost(),
    device: str = "cpu",
) -> dict:
    """Track a target, and score the boxes if the source has true ones.

    When a target is lost, and when it is found again, is said on stderr; the answer lists the frames in which it was lost.

    If tracking is interrupted, the boxes and the video of the frames so far are written.

    Args:
        model: Checkpoint of a tracker, or a bundle folder (tracker.json and graphs); without one, the tracker that comes with chiptrack.
        source: Sequence folder, folder of images, video file, or index of a camera.
        box: The target in the first image as x,y,w,h in pixels, 0-based; a sequence folder brings its own.
        out: File to write the boxes to, one x,y,w,h a line, 0-based; nan,nan,nan,nan for a frame of a film that cannot be decoded.
        shown: Where a person sees the boxes.
        constants: Constants of the tracking procedure to change.
        when_lost: What happens when the target is lost.
        device: Torch device that runs a checkpoint: cpu, cuda or cuda:N.
    """
    video = shown.video
    if video is not None:
        check_video(video)
    if model is None and _is_model(source):
        raise ValueError(
            f"a model must be followed by what to track in, {source} is a model and nothing follows it; add a video or a sequence"
        )
    tracker = _recovering(load_for_tracking(model or str(shipped.tracker()), device, constants.changes), when_lost.recover)
    stream = open_source(source)
    for note in stream.notes:
        say(note)
    first = _first_box(stream, box)
    steps = follow(tracker, stream.frames(), first)
    steps = chain([next(steps)], steps)  # the first box is judged before anything is shown or written
    boxes, scores, seconds = array("d"), array("d"), array("d")  # an object for each frame would take ten times the memory
    ended, stopped, absences = False, None, Absences()
    with canvas(video, shown.show, stream.rate) as draw, progress("tracking", stream.count or 0) as report:
        try:
            for image, result, spent in steps:
                absences.add(result)
                boxes.extend(_UNKNOWN if when_lost.blank_lost and result.lost else result.box)
                scores.append(result.score)
                seconds.append(spent)
                done = len(scores)
                truth = None if stream.boxes is None or done > len(stream.boxes) else stream.boxes[done - 1]
                if not draw(image, result, truth):
                    break
                report(done, f"{1000 * np.mean(seconds[-100:]):.1f} ms a frame")
            else:
                ended = True
        except KeyboardInterrupt as err:
            stopped = err
        lost = stream.lost() if ended else []
        followed = np.array(boxes).reshape(-1, 4)
        if out is not None:  # before the video is closed, which may find the disk full
            write_boxes(out, _with_gaps(followed, lost))
    if stopped is not None and stream.files:  # a camera has no other end
        of, kept = f" of {stream.count}" if stream.count else "", " and ".join(str(path) for path in (out, video) if path is not None)
        stopped.args = (f"after {len(followed)}{of} frames" + (f", which are in {kept}" if kept else ""),)
        raise stopped
    if lost:
        say(f"{len(followed)} of the {stream.count} frames of {source} could be decoded; lost, counted from 0: {ranges(lost)}")
    answer = {
        "source": stream.name,
        "frames": len(followed),
        "lost_in_decoding": len(lost),
        "ms_per_frame": 1000 * float(np.mean(seconds[1:] or seconds)),
        "median_ms": 1000 * float(np.median(seconds[1:] or seconds)),
        "mean_score": float(np.mean(scores)),
        "lost": absences.spans,
    }
    truth = None if stream.boxes is None else stream.boxes[: len(followed)]
    if truth is not None and can_score(truth):
        answer |= asdict(score(followed, truth))
    return answer | {"out": str(out) if out else None, "video": str(video) if video else None}


class Absences:
    """Notes when the target is lost and found again, and says so."""

    def __init__(self) -> None:
        self.spans: list[tuple[int, int]] = []
        """First and last frame, counted from 0, of each time in which the target was lost."""
        self._frame = 0

    def add(self, result: TrackResult) -> None:
        """Note the result of the next frame."""
        before = self.spans[-1] if self.spans and self.spans[-1][1] == self._frame - 1 else None
        if result.lost:
            self.spans = [*self.spans[:-1], (before[0], self._frame)] if before else [*self.spans, (self._frame, self._frame)]
            if not before:
                say(f"frame {self._frame}: the target is lost")
        elif before:
            place = ",".join(f"{value:.0f}" for value in result.box)
            say(f"frame {self._frame}: the target is found again at {place}, after {self._frame - before[0]} frames")
        self._frame += 1


def _recovering(tracker: Procedure, recover: str) -> Procedure:
    """The tracker, or one around it that looks for lost targets."""
    wanted = isinstance(tracker, Siamese) and (recover == "always" or (recover == "calibrated" and tracker.settings.calibrated))
    return Recovering(tracker) if isinstance(tracker, Siamese) and wanted else tracker


def _is_model(path: str) -> bool:
    """Whether a path leads to a checkpoint or a bundle, by its name alone."""
    return path.endswith(".safetensors") or (Path(path) / "tracker.json").is_file()


def _with_gaps(boxes: np.ndarray, lost: list[int]) -> np.ndarray:
    """Boxes (T, 4) with rows of NaN for lost frames between them, so that row i belongs to frame i. After the last box nothing is added."""
    for number in lost:
        if number < len(boxes):
            boxes = np.insert(boxes, number, np.nan, axis=0)
    return boxes


def _first_box(stream: Source, box: str | None) -> np.ndarray:
    if box is not None:
        return parse_box(box)
    if stream.first_box is None:
        raise ValueError(f"the first box must be known, {stream.name} has no ground truth for its first frame; add --box x,y,w,h")
    return stream.first_box
