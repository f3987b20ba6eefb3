"""Following a target through whatever shows it, and writing down where it was."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from supernet.deploy import load_for_tracking
from tracking.benchmarks.one_pass import score
from tracking.boxes import parse_box, write_boxes
from tracking.images import cv2
from tracking.progress import progress
from tracking.sources import Source, open_source
from tracking.tracker import TrackResult, follow

_OURS, _TRUE = (64, 220, 64), (235, 235, 235)


def track(
    model: str,
    source: str,
    *,
    box: str | None = None,
    out: Path | None = None,
    video: Path | None = None,
    show: bool = False,
    penalty_k: float | None = None,
    lr: float | None = None,
    window_influence: float | None = None,
    search_size: int | None = None,
    small_target_size: int | None = None,
    device: str = "cpu",
) -> dict:
    """Track a target.

    Args:
        model: Checkpoint of a tracker, or a bundle folder (tracker.json and ONNX graphs).
        source: Sequence folder, folder of images, video file, or index of a camera.
        box: The target in the first image as x,y,w,h in pixels, 0-based; a sequence folder brings its own.
        out: File for the boxes, one x,y,w,h a line, 0-based.
        video: MP4 file that shows the boxes.
        show: Open a window; q or Escape ends.
        penalty_k: How strongly a change of size or aspect lowers a score; by default what the model carries.
        lr: Rate at which the size follows; by default what the model carries.
        window_influence: Share of the Hanning window in the score, 0 to 1; by default what the model carries.
        search_size: Side of the search crop, px; by default what the model carries.
        small_target_size: Side of the search crop for small targets, px; by default what the model carries.
        device: Torch device of a checkpoint: cpu, cuda or cuda:N.
    """
    tracker = load_for_tracking(
        model,
        device=device,
        penalty_k=penalty_k,
        lr=lr,
        window_influence=window_influence,
        search_size=search_size,
        small_target_size=small_target_size,
    )
    stream = open_source(source)
    first = _first_box(stream, box)
    results: list[TrackResult] = []
    seconds: list[float] = []
    with _canvas(video, show) as draw, progress("tracking", stream.count or 0) as report:
        try:
            for image, result, spent in follow(tracker, stream.frames(), first):
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


@contextmanager
def _canvas(video: Path | None, show: bool):
    """Where frames are drawn: a video that appears whole when the block ends, a window, both or neither.

    Yields:
        `draw(image, result, truth)`, false once the person has closed the window.
    """
    temporary = None if video is None else video.with_name(f".{video.stem}.{os.getpid()}.mp4")
    writer = None

    def draw(image: np.ndarray, result: TrackResult, truth: np.ndarray | None) -> bool:
        nonlocal writer
        if temporary is None and not show:
            return True
        frame = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        for box, colour, width in ((truth, _TRUE, 1), (result.box, _OURS if not result.lost else (64, 64, 235), 2)):
            if box is not None and np.isfinite(box).all():
                x, y, w, h = (round(float(value)) for value in box)
                cv2.rectangle(frame, (x, y), (x + w, y + h), colour, width)
        text = f"{result.score:.2f}" + (" lost" if result.lost else "")
        cv2.putText(frame, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(frame, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
        if temporary is not None:
            if writer is None:
                temporary.parent.mkdir(parents=True, exist_ok=True)
                writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (frame.shape[1], frame.shape[0]))
                if not writer.isOpened():
                    raise OSError(f"a video must be writable, {video} is not; choose another --video")
            writer.write(frame)
        if show:
            cv2.imshow("chiptrack", frame)
            return cv2.waitKey(1) & 0xFF not in (27, ord("q"))
        return True

    try:
        yield draw
        if writer is not None and temporary is not None and video is not None:
            writer.release()
            os.replace(temporary, video)
    finally:
        if writer is not None:
            writer.release()
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if show:
            cv2.destroyAllWindows()
