"""Draws a tracker's box on every frame, into a video file, a window, both or neither."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from tracking.files.atomic import new_file
from tracking.images import cv2
from tracking.trackers.procedure import TrackResult

FRAMES_PER_S = 25.0
"""Frame rate of the videos that are written."""
_OURS, _LOST, _TRUE = (64, 220, 64), (64, 64, 235), (235, 235, 235)  # blue, green, red
Draw = Callable[[np.ndarray, TrackResult, np.ndarray | None], bool]
"""Called with a frame, the tracker's result and the true box, or None; returns whether the person wants to see more."""


@contextmanager
def canvas(video: Path | None, show: bool) -> Iterator[Draw]:
    """Open a video file, a window, both or neither; the video file appears when the block ends without an error.

    Args:
        video: MP4 file to write, or None.
        show: Whether to open a window.

    Yields:
        `draw(image, result, truth)`, which returns True, or False when the person has pressed q or Escape in the window.

    Raises:
        OSError: The video cannot be written.
        ValueError: There is no display for a window.
    """
    if show and sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ValueError("--show needs a display, neither DISPLAY nor WAYLAND_DISPLAY is set; write a --video")  # Qt would abort
    with ExitStack() as stack:
        write = stack.enter_context(_video(video)) if video is not None else None
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
    """Draw the true box (white), the tracker's box (green, or red if the target is lost) and the tracker's score.

    Args:
        image: (H, W, 3) RGB.
        result: The tracker's answer.
        truth: True box (4,) xywh, with NaN where it is not annotated; or None.

    Returns:
        A new image (H, W, 3) in OpenCV's order of channels, BGR.
    """
    frame = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    for box, colour, width in ((truth, _TRUE, 1), (result.box, _LOST if result.lost else _OURS, 2)):
        if box is not None and np.isfinite(box).all():
            x, y, w, h = (round(float(value)) for value in box)
            cv2.rectangle(frame, (x, y), (x + w, y + h), colour, width)
    text = f"{result.score:.2f}" + (" lost" if result.lost else "")
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(frame, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, width, cv2.LINE_AA)
    return frame


@contextmanager
def _video(path: Path) -> Iterator[Callable[[np.ndarray], None]]:
    """Open an MP4 file; yields a function that appends a frame (H, W, 3) BGR."""
    with new_file(path, ".mp4") as temporary:
        writer = None

        def write(frame: np.ndarray) -> None:
            nonlocal writer
            if writer is None:
                size = (frame.shape[1], frame.shape[0])
                writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*"mp4v"), FRAMES_PER_S, size)
                if not writer.isOpened():
                    raise OSError(f"a video must be writable, {path} is not; choose another --video")
            writer.write(frame)

        try:
            yield write
        finally:
            if writer is not None:
                writer.release()
