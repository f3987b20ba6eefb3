"""Draws a tracker's box on every frame, into a video file, a window, both or neither."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from tracking.files.atomic import is_stream, new_file
from tracking.images import cv2
from tracking.trackers.procedure import TrackResult

USUAL_RATE = 25.0
"""Frames a second of a video that is made from a source without a rate, such as a folder of images."""
CODES = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".avi": "MJPG", ".mkv": "MJPG"}
"""Code of the compression that is used, by the suffix of the video file."""
_OURS, _DOUBTFUL, _LOST, _TRUE = (64, 220, 64), (64, 64, 235), (160, 160, 160), (235, 235, 235)  # blue, green, red
Draw = Callable[[np.ndarray, TrackResult, np.ndarray | None], bool]
"""Called with a frame, the tracker's result and the true box, or None; returns whether the person wants to see more."""


@contextmanager
def canvas(video: Path | None, show: bool, rate: float | None = None) -> Iterator[Draw]:
    """Open a video file, a window, both or neither; the video file appears when the block ends without an error.

    Args:
        video: Video file to write, whose suffix is one of `CODES`, or None.
        show: Whether to open a window.
        rate: Frames a second of the video file; None for the usual ones.

    Yields:
        `draw(image, result, truth)`, which returns True, or False when the person has pressed q or Escape in the window.

    Raises:
        OSError: The video cannot be written.
        ValueError: A window cannot be opened, or the video's suffix is unknown.
    """
    if show:
        _check_window()
    with ExitStack() as stack:
        write = stack.enter_context(_video(video, rate or USUAL_RATE)) if video is not None else None
        if show:
            stack.callback(cv2.destroyAllWindows)

        def draw(image: np.ndarray, result: TrackResult, truth: np.ndarray | None) -> bool:
            if write is None and not show:
                return True
            frame = paint(image, result, truth)
            if write is not None:
                write(frame)
            if show:
                cv2.imshow("chiptrack", frame)
                return cv2.waitKey(1) & 0xFF not in (27, ord("q"))
            return True

        yield draw


def paint(image: np.ndarray, result: TrackResult, truth: np.ndarray | None) -> np.ndarray:
    """Draw the true box (white), the tracker's box (green, red where it is doubtful, grey and thin where the target is lost) and its score.

    Args:
        image: (H, W, 3) RGB.
        result: The tracker's answer.
        truth: True box (4,) xywh, with NaN where it is not annotated; or None.

    Returns:
        A new image (H, W, 3) in OpenCV's order of channels, BGR.
    """
    frame = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    ours = _LOST if result.lost else _DOUBTFUL if result.doubtful else _OURS
    for box, colour, width in ((truth, _TRUE, 1), (result.box, ours, 1 if result.lost else 2)):
        if box is not None and np.isfinite(box).all():
            x, y, w, h = (round(float(value)) for value in box)
            cv2.rectangle(frame, (x, y), (x + w, y + h), colour, width)
    said = f"score {result.score:.2f}" + (", lost" if result.lost else "")
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(frame, said, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, width, cv2.LINE_AA)
    return frame


def check_video(path: Path) -> None:
    """Refuse a name whose suffix is none of those that videos are written for; a device or a pipe may have any.

    Raises:
        ValueError: The suffix is unknown.
    """
    if path.suffix.lower() not in CODES and not is_stream(path):
        raise ValueError(f"a video's name must end in one of {', '.join(CODES)}, got {path}; choose another --video")


def _check_window() -> None:
    """Try to open a window in another process: without a working display the library behind OpenCV's windows ends the process.

    Raises:
        ValueError: No window can be opened.
    """
    attempt = "import cv2; cv2.namedWindow('chiptrack'); cv2.waitKey(1)"
    try:
        tried = subprocess.run([sys.executable, "-c", attempt], capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        said = "the display does not answer"
    else:
        if tried.returncode == 0:
            return
        said = next((line for line in tried.stderr.strip().splitlines()[::-1] if line.strip()), f"exit status {tried.returncode}")
    raise ValueError(f"--show needs a display and an OpenCV with windows, opening one fails ({said[:120]}); write a --video instead")


@contextmanager
def _video(path: Path, rate: float) -> Iterator[Callable[[np.ndarray], None]]:
    """Open a video file; yields a function that appends a frame (H, W, 3) BGR. Frames of another size are fitted into the first one's."""
    check_video(path)
    suffix = path.suffix.lower() if path.suffix.lower() in CODES else ".mp4"
    with new_file(path, suffix) as temporary:
        writer, size, count = None, (0, 0), 0

        def write(frame: np.ndarray) -> None:
            nonlocal writer, size, count
            if writer is None:
                size = (frame.shape[1], frame.shape[0])
                writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*CODES[suffix]), rate, size)
                if not writer.isOpened():
                    raise OSError(f"a video must be writable, {path} is not; check permissions and free space, or choose another --video")
            writer.write(frame if size == (frame.shape[1], frame.shape[0]) else _fitted(frame, size))
            count += 1

        try:
            yield write
        finally:
            if writer is not None:
                writer.release()
        if writer is not None and (kept := _frames(temporary)) < count:  # the writer does not tell that a disk is full
            raise OSError(f"a video must be written whole, {path} holds {kept} of {count} frames; check free space")


def _fitted(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale a frame so that it fits into a width and height, with black margins."""
    scale = min(size[0] / frame.shape[1], size[1] / frame.shape[0])
    small = cv2.resize(frame, (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale))))[: size[1], : size[0]]
    whole = np.zeros((size[1], size[0], 3), np.uint8)
    top, left = (size[1] - small.shape[0]) // 2, (size[0] - small.shape[1]) // 2
    whole[top : top + small.shape[0], left : left + small.shape[1]] = small
    return whole


def _frames(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    try:
        return max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    finally:
        capture.release()
