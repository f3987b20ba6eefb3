"""Sources of frames to track in: a sequence folder, a folder of images, a video file or a camera, each as a stream of frames."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracking.images import cv2, list_images, read_image
from tracking.sequence import is_sequence, load_sequence


@dataclass(frozen=True, eq=False)
class Source:
    """A stream of frames, with true boxes where they are known."""

    name: str
    open_frames: Callable[[], Iterator[np.ndarray]]
    """Called without arguments; starts the stream and returns its frames, see `frames`."""
    count: int | None = None
    """Number of frames; None if it is not known beforehand (camera, some video files)."""
    boxes: np.ndarray | None = None
    """True boxes xywh, px, 0-based, shape (T, 4), with NaN where one is missing; None if the source has none."""

    @property
    def first_box(self) -> np.ndarray | None:
        """The target in the first frame, xywh, shape (4,); None if it is not annotated."""
        if self.boxes is None or not np.isfinite(self.boxes[0]).all() or not (self.boxes[0, 2:] > 0).all():
            return None
        return self.boxes[0]

    def frames(self) -> Iterator[np.ndarray]:
        """The frames in order: RGB, uint8, shape (H, W, 3). Each call starts the stream again; a camera then shows the present."""
        return self.open_frames()


def open_source(text: str) -> Source:
    """Open the source that a command-line argument names, and check that its first frame can be read.

    Args:
        text: A sequence folder, a folder of images, a video file, or the index of a camera such as `0`.

    Raises:
        FileNotFoundError: There is nothing at that path, or the folder holds no image.
        ValueError: An image, the boxes, the video or the camera cannot be read.
    """
    path = Path(text)
    if path.is_dir():
        return _folder(path)
    if path.is_file():
        return _video(path)
    if text.isdecimal() and len(text) <= 3:
        return _camera(int(text))
    raise FileNotFoundError(f"a source must be a sequence folder, image folder, video file or camera index, {text} is none; check the path")


def _folder(path: Path) -> Source:
    if is_sequence(path):
        sequence = load_sequence(path)
        frames, boxes = [frame for frame in sequence.frames if isinstance(frame, Path)], sequence.boxes
    else:
        frames, boxes = list_images(path / "img" if (path / "img").is_dir() else path), None
    if not frames:
        raise FileNotFoundError(f"a folder to track in must hold images, {path} holds none; give a folder of JPEG or PNG files")
    read_image(frames[0])
    return Source(path.resolve().name, lambda: map(read_image, frames), len(frames), boxes)


def _video(path: Path) -> Source:
    with _Capture(str(path)) as capture:
        if capture.read() is None:
            raise ValueError(f"a video must be decodable, {path} is not; convert it to MP4 (H.264), or give a folder of images")
        count = capture.count
    return Source(path.stem, lambda: _stream(str(path)), count)


def _camera(index: int) -> Source:
    with _Capture(index) as capture:
        if capture.read() is None:
            raise ValueError(f"a camera must deliver images, number {index} does not; check that it is connected and not in use")
    return Source(f"camera-{index}", lambda: _stream(index))


def _stream(address: str | int) -> Iterator[np.ndarray]:
    with _Capture(address) as capture:
        while (image := capture.read()) is not None:
            yield image


class _Capture:
    """OpenCV's video reader as a context manager, which closes it and keeps OpenCV's messages from stderr while it is open."""

    def __init__(self, address: str | int) -> None:
        self._address = address

    def __enter__(self) -> "_Capture":
        self._level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._capture = cv2.VideoCapture(self._address)
        return self

    def __exit__(self, *error: object) -> None:
        self._capture.release()
        cv2.utils.logging.setLogLevel(self._level)

    @property
    def count(self) -> int | None:
        """Number of frames according to the header of the file; None if the header does not give it."""
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        return count if count > 0 else None

    def read(self) -> np.ndarray | None:
        """The next frame (H, W, 3) uint8 RGB, or None at the end."""
        good, image = self._capture.read()
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if good and image is not None and image.size else None
