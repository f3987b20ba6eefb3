"""An annotated video (a sequence), and the folder that keeps it.

The folder holds `img/` with one image a frame, `groundtruth.txt` with one box a line, and `meta.json` whose `origin`
says whether the first pixel has the coordinate 0 (the default) or 1. OTB's `groundtruth_rect.txt` (origin 1) and VOT's `color/` are
read too. In memory boxes are always 0-based.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracking.boxes import read_boxes, write_boxes
from tracking.files.atomic import new_folder
from tracking.files.records import read_record
from tracking.images import list_images, natural_key, read_image, write_image


@dataclass(frozen=True, eq=False)
class Sequence:
    """A video with the box of one target."""

    name: str
    frames: tuple[Path | np.ndarray, ...]
    """Image files, or RGB images (H, W, 3) uint8."""
    boxes: np.ndarray
    """Boxes xywh, px, 0-based, shape (T, 4); NaN where the target is not annotated."""
    visible: np.ndarray
    """Whether the target has a box of positive size, bool, shape (T,)."""

    def __len__(self) -> int:
        """Number of frames T."""
        return len(self.frames)

    def image(self, t: int) -> np.ndarray:
        """Frame `t`: RGB, uint8, shape (H, W, 3)."""
        frame = self.frames[t]
        return frame if isinstance(frame, np.ndarray) else read_image(frame)


def make_sequence(name: str, frames: tuple[Path | np.ndarray, ...], boxes: np.ndarray, source: Path | str) -> Sequence:
    """Join frames and boxes into a sequence, after a check that there are enough boxes.

    Args:
        name: Name of the sequence.
        frames: Image files or RGB images.
        boxes: Boxes xywh, 0-based, one per frame; rows past the last frame are dropped, and a single row means that only
            the first frame is annotated.
        source: Where the boxes come from, for the error message.

    Raises:
        ValueError: There are fewer boxes than frames.
    """
    if len(boxes) == 1 < len(frames):
        boxes = np.concatenate([boxes, np.full((len(frames) - 1, 4), np.nan)])
    if len(boxes) < len(frames):
        raise ValueError(
            f"every frame needs a box, got {len(boxes)} boxes for {len(frames)} frames in {source}; nan,nan,nan,nan means none"
        )
    boxes = boxes[: len(frames)]
    visible = np.asarray(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1))
    return Sequence(name, frames, boxes, visible)


def is_sequence(folder: Path | str) -> bool:
    """Whether a folder holds a file of boxes that `load_sequence` looks for; its images are not checked."""
    return any((Path(folder) / name).is_file() for name in _ORIGINS)


def load_sequence(folder: Path | str) -> Sequence:
    """Read a sequence folder.

    Args:
        folder: Holds `img/` (or `color/`, or the images themselves) and `groundtruth.txt` or `groundtruth_rect.txt`.

    Returns:
        The sequence, named after the folder; its images are read later, one by one.

    Raises:
        FileNotFoundError: The folder, its images or its boxes are missing.
        ValueError: Boxes or `meta.json` cannot be read, or there are fewer boxes than frames.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"a sequence must be a folder, {folder} is none; check the path")
    annotation = next((folder / name for name in _ORIGINS if (folder / name).is_file()), None)
    if annotation is None:
        raise FileNotFoundError(f"a sequence folder must hold groundtruth.txt or groundtruth_rect.txt, {folder} holds neither")
    frames = sequence_frames(folder)
    boxes = read_boxes(annotation) - [*[_origin(folder, _ORIGINS[annotation.name])] * 2, 0, 0]
    return make_sequence(folder.resolve().name, frames, boxes, annotation)


def sequence_frames(folder: Path) -> tuple[Path, ...]:
    """The frames of a sequence folder, in natural order.

    Raises:
        FileNotFoundError: There is no image in `img/`, `color/` or the folder itself.
    """
    images = next((folder / name for name in ("img", "color") if (folder / name).is_dir()), folder)
    frames = list_images(images)
    if not frames:
        raise FileNotFoundError(f"a sequence must have frames, {images} holds no image; put them into {folder / 'img'}")
    return frames


def save_sequence(sequence: Sequence, folder: Path | str) -> None:
    """Write a sequence as a folder that `load_sequence` reads; the folder appears in one step.

    Args:
        sequence: The sequence. Its frames are written as JPEG of quality 95, so they come back slightly changed.
        folder: The folder to make; it may not exist yet.

    Raises:
        FileExistsError: The folder exists.
    """
    with new_folder(folder) as temporary:
        (temporary / "img").mkdir()
        for t in range(len(sequence)):
            write_image(temporary / "img" / f"{t + 1:05d}.jpg", sequence.image(t), quality=95)
        write_boxes(temporary / "groundtruth.txt", sequence.boxes)
        meta = {"name": sequence.name, "frames": len(sequence), "origin": 0}
        (temporary / "meta.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")


def load_sequences(root: Path | str) -> list[Sequence]:
    """Read all sequence folders below a folder, or the folder itself if it is one, sorted by name.

    Raises:
        FileNotFoundError: There is no such folder, no sequence in it, or no image in a sequence.
        ValueError: Boxes or `meta.json` of a sequence cannot be read, or there are fewer boxes than frames.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"the root of a data set must be a folder, {root} is none; check the path")
    folders = {path.parent for name in _ORIGINS for path in root.rglob(name)}
    if not folders:
        raise FileNotFoundError(f"a data set must hold sequence folders (img/ and groundtruth.txt), {root} holds none; check the path")
    return sorted((load_sequence(folder) for folder in folders), key=lambda sequence: natural_key(sequence.name))


_ORIGINS = {"groundtruth.txt": 0, "groundtruth_rect.txt": 1}
"""Coordinate of the first pixel if `meta.json` does not give it, by the name of the file of boxes."""


def _origin(folder: Path, default: int) -> int:
    path = folder / "meta.json"
    if not path.is_file():
        return default
    try:
        origin = read_record(path).get("origin", default)
    except ValueError as err:
        raise ValueError(f"meta.json must be a JSON object, {path} is not; repair or remove it") from err
    if origin not in (0, 1):
        raise ValueError(f"origin must be 0 or 1, got {origin!r} in {path}")
    return origin
