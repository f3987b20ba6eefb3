"""The verb `track`: follows a target through a sequence, a folder of images, a video or a camera, and writes its boxes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from supernet.deploy.loading import load_for_tracking
from tracking.benchmarks.one_pass import score
from tracking.boxes import parse_box, write_boxes
from tracking.canvas import canvas
from tracking.files.atomic import check_target
from tracking.files.progress import progress
from tracking.sources import Source, open_source
from tracking.trackers.procedure import TrackResult, follow


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

    @property
    def changes(self) -> dict[str, float]:
        """The constants that were given, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def track(
    model: str,
    source: str,
    *,
    box: str | None = None,
    out: Path | None = None,
    video: Path | None = None,
    show: bool = False,
    constants: TrackingConstants = TrackingConstants(),
    device: str = "cpu",
) -> dict:
    """Track a target, and score the boxes if the source has true ones.

    Args:
        model: Checkpoint of a tracker, or a bundle folder (tracker.json and graphs).
        source: Sequence folder, folder of images, video file, or index of a camera.
        box: The target in the first image as x,y,w,h in pixels, 0-based; a sequence folder brings its own.
        out: File to write the boxes to, one x,y,w,h a line, 0-based.
        video: MP4 file to write, which shows the boxes.
        show: Show the boxes in a window; q or Escape ends tracking.
        constants: Constants of the tracking procedure to change.
        device: Torch device that runs a checkpoint: cpu, cuda or cuda:N.
    """
    for target in (out, video):
        if target is not None:
            check_target(target, model, source, Path(source) / "groundtruth.txt", *filter(None, [video if target is out else None]))
    tracker = load_for_tracking(model, device, constants.changes)
    stream = open_source(source)
    first = _first_box(stream, box)
    steps = follow(tracker, stream.frames(), first)
    steps = chain([next(steps)], steps)  # the first box is judged before anything is shown or written
    results: list[TrackResult] = []
    seconds: list[float] = []
    with canvas(video, show) as draw, progress("tracking", stream.count or 0) as report:
        try:
            for image, result, spent in steps:
                results.append(result)
                seconds.append(spent)
                truth = None if stream.boxes is None or len(results) > len(stream.boxes) else stream.boxes[len(results) - 1]
                if not draw(image, result, truth):
                    break
                report(len(results), f"{1000 * np.mean(seconds[1:] or seconds):.1f} ms a frame")
        except KeyboardInterrupt:
            if stream.count is not None:  # a camera has no other end
                raise
        boxes = np.array([result.box for result in results])
        if out is not None:
            write_boxes(out, boxes)
    answer = {
        "source": stream.name,
        "frames": len(boxes),
        "ms_per_frame": 1000 * float(np.mean(seconds[1:] or seconds)),
        "median_ms": 1000 * float(np.median(seconds[1:] or seconds)),
        "mean_score": float(np.mean([result.score for result in results])),
        "lost_frames": sum(result.lost for result in results),
    }
    if stream.boxes is not None and len(boxes) > 1 and np.isfinite(stream.boxes[1 : len(boxes)]).all(axis=1).any():
        answer |= asdict(score(boxes, stream.boxes[: len(boxes)]))
    return answer | {"out": str(out) if out else None, "video": str(video) if video else None}


def _first_box(stream: Source, box: str | None) -> np.ndarray:
    if box is not None:
        return parse_box(box)
    if stream.first_box is None:
        raise ValueError(f"the first box must be known, {stream.name} has no ground truth for its first frame; add --box x,y,w,h")
    return stream.first_box
