"""Sources of frames to track in: a sequence folder, a folder of images, a video file or a camera, each as a stream of frames."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tracking.files.avi import lost_frames
from tracking.images import SUFFIXES, cv2, list_images, read_image, turned
from tracking.sequence import is_sequence, load_sequence

_RATES = (0.1, 1000.0)
"""Frame rates that are believed, frames a second."""


@dataclass(frozen=True, eq=False)
class Source:
    """A stream of frames, with true boxes where they are known."""

    name: str
    open_frames: Callable[[list[float]], Iterator[np.ndarray]]
    """Starts the stream and returns its frames, see `frames`; a film appends the time of each frame, ms, to the list that it is given."""
    count: int | None = None
    """Number of frames; None if it is not known beforehand (camera, some video files). A damaged video file holds fewer than it says."""
    boxes: np.ndarray | None = None
    """True boxes xywh, px, 0-based, shape (T, 4), with NaN where one is missing; None if the source has none."""
    rate: float | None = None
    """Frames a second; None if it is not known."""
    notes: tuple[str, ...] = ()
    """What was noticed and a person should know, a sentence each."""
    files: tuple[Path, ...] = ()
    """The files that are read."""
    times: list[float] = field(default_factory=list)
    """Times, ms, of the frames that the latest stream of a film has given."""

    @property
    def first_box(self) -> np.ndarray | None:
        """The target in the first frame, xywh, shape (4,); None if it is not annotated."""
        if self.boxes is None or not np.isfinite(self.boxes[0]).all() or not (self.boxes[0, 2:] > 0).all():
            return None
        return self.boxes[0]

    def frames(self) -> Iterator[np.ndarray]:
        """The frames in order: RGB, uint8, shape (H, W, 3). Each call starts the stream again; a camera then shows the present."""
        self.times.clear()
        return self.open_frames(self.times)

    def lost(self) -> list[int]:
        """Numbers, from 0, of the frames of a film that could not be decoded, after its stream has ended.

        The header of a film says how many frames there are. If fewer were decoded, the times of the frames or the index of an AVI file
        tell which are lost; where they do not, the film is taken to end early.
        """
        decoded = len(self.times)
        if not self.times or self.count is None or decoded >= self.count:
            return []
        if len(lost := lost_frames(self.files[0])) == self.count - decoded:
            return lost
        if self.rate:
            numbers = np.round((np.array(self.times) - self.times[0]) * self.rate / 1000).astype(int)
            if (np.diff(numbers) > 0).all() and numbers[-1] < self.count:
                return sorted(set(range(self.count)) - set(numbers.tolist()))
        return list(range(decoded, self.count))


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
        frames, boxes, notes = [frame for frame in sequence.frames if isinstance(frame, Path)], sequence.boxes, sequence.notes
    else:
        frames, boxes = list_images(path / "img" if (path / "img").is_dir() else path), None
        notes = tuple(note for frame in frames[:1] for note in turned(frame))
    if not frames:
        raise FileNotFoundError(f"a folder to track in must hold images ({', '.join(SUFFIXES)}), {path} holds none; check the path")
    read_image(frames[0])
    name = Path(os.path.abspath(path)).name
    return Source(name, lambda times: map(read_image, frames), len(frames), boxes, notes=notes, files=tuple(frames))


_RETRIES, _MOST_RETRIES = 8, 1000
"""Most frames in succession that are tried though they cannot be decoded, of a film that does not say how many it has, and of one that does."""


def _video(path: Path) -> Source:
    with _Capture(str(path)) as capture:
        if capture.read() is None:
            raise ValueError(f"a video must be decodable, {path} is not; convert it to MP4 (H.264), or give a folder of images")
        count, rate = capture.count, capture.rate
    return Source(path.stem, lambda times: _film(path, count, times), count, rate=rate, files=(path,))


def _camera(index: int) -> Source:
    with _Capture(index) as capture:
        if capture.read() is None:
            raise ValueError(f"a camera must deliver images, number {index} does not; check that it is connected and not in use")
        rate = capture.rate
    return Source(f"camera-{index}", lambda times: _live(index), rate=rate)


def _film(path: Path, count: int | None, times: list[float]) -> Iterator[np.ndarray]:
    """Decode the frames of a film; after one that cannot be decoded there may be more."""
    with _Capture(str(path)) as capture:
        failures = in_succession = 0
        while failures < (_RETRIES if count is None else max(1, count - len(times))) and in_succession < _MOST_RETRIES:
            image = capture.read()
            if image is None:
                failures, in_succession = failures + 1, in_succession + 1
                continue
            times.append(capture.time)
            in_succession = 0
            failures = failures if count else 0
            yield image


def _live(index: int) -> Iterator[np.ndarray]:
    with _Capture(index) as capture:
        while (image := capture.read()) is not None:
            yield image


class _Capture:
    """OpenCV's video reader as a context manager, which closes it."""

    def __init__(self, address: str | int) -> None:
        self._address = address

    def __enter__(self) -> _Capture:
        self._capture = cv2.VideoCapture(self._address)
        return self

    def __exit__(self, *error: object) -> None:
        self._capture.release()

    @property
    def count(self) -> int | None:
        """Number of frames according to the header of the file; None if the header does not give it."""
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        return int(count) if 0 < count < 1e12 else None

    @property
    def rate(self) -> float | None:
        """Frames a second according to the header; None if it does not say, or nothing that can be."""
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        return float(rate) if _RATES[0] <= rate <= _RATES[1] else None

    @property
    def time(self) -> float:
        """Time of the frame that was read last, ms."""
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC))

    def read(self) -> np.ndarray | None:
        """The next frame (H, W, 3) uint8 RGB, or None at the end."""
        good, image = self._capture.read()
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if good and image is not None and image.size else None
