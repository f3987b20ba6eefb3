"""An annotated video (a sequence), and the folder that keeps it.

The folder holds `img/` with one image a frame, `groundtruth.txt` with one box a line, and `meta.json` whose `origin`
says whether the first pixel has the coordinate 0 (the default) or 1. OTB's `groundtruth_rect.txt` (origin 1) and VOT's `color/` are
read too, and the files in which LaSOT (origin 1) and GOT-10k mark frames without the target. In memory boxes are always 0-based.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracking.files.annotations import Rows, read_rows, write_boxes
from tracking.files.atomic import new_folder
from tracking.files.records import read_record
from tracking.images import SUFFIXES, list_images, read_image, turned, write_image
from tracking.matching import match_rows


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
    notes: tuple[str, ...] = ()
    """What was noticed when the sequence was read and a person should know, a sentence each."""

    def __len__(self) -> int:
        """Number of frames T."""
        return len(self.frames)

    def image(self, t: int) -> np.ndarray:
        """Frame `t`: RGB, uint8, shape (H, W, 3)."""
        frame = self.frames[t]
        return frame if isinstance(frame, np.ndarray) else read_image(frame)


def make_sequence(
    name: str, frames: tuple[Path | np.ndarray, ...], rows: Rows, source: Path | str, notes: tuple[str, ...] = ()
) -> Sequence:
    """Join frames and boxes into a sequence.

    Args:
        name: Name of the sequence.
        frames: Image files or RGB images.
        rows: Boxes xywh, 0-based; see `tracking.matching` for which of them belongs to which frame.
        source: Where the boxes come from, for messages.
        notes: What was noticed before.

    Raises:
        ValueError: A frame has no row, it is not certain which rows belong to which frames, or the boxes are not in pixels.
    """
    boxes, noticed = match_rows(rows, frames, source)
    known = boxes[np.isfinite(boxes).all(axis=1)]
    if known.size and (known[:, 2:] > 0).any() and np.abs(known).max() <= 1:
        raise ValueError(
            f"boxes must be in pixels, all numbers in {source} are at most 1; multiply them by the width and height of the images"
        )
    visible = np.asarray(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1))
    return Sequence(name, frames, boxes, visible, (*notes, *noticed))


def fingerprint(sequence: Sequence) -> str:
    """A checksum that changes when boxes or frames do: of the boxes, and of names, sizes and times of the image files or of the images."""
    found = hashlib.sha256(np.ascontiguousarray(sequence.boxes).tobytes())
    for frame in sequence.frames:
        if isinstance(frame, Path):
            about = frame.stat()
            found.update(f"{frame.name} {about.st_size} {about.st_mtime_ns}\n".encode())
        else:
            found.update(frame.tobytes())
    return found.hexdigest()


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
        ValueError: Boxes, `meta.json` or marks of absence cannot be read, or frames and boxes do not fit each other.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"a sequence must be a folder, {folder} is none; check the path")
    annotation = next((folder / name for name in _ORIGINS if (folder / name).is_file()), None)
    if annotation is None:
        raise FileNotFoundError(f"a sequence folder must hold groundtruth.txt or groundtruth_rect.txt, {folder} holds neither")
    frames = sequence_frames(folder)
    rows, notes = read_rows(annotation), turned(frames[0])
    absent, marks = _absent(folder, len(rows.boxes))
    origin = _origin(folder, 1 if _LASOT & set(marks) else _ORIGINS[annotation.name])
    boxes = np.where(absent[:, None], np.nan, rows.boxes - [origin, origin, 0, 0])
    if marks:
        notes += [f"{absent.sum()} frames without the target are marked by {' and '.join(marks)} in {folder}; the first pixel is {origin}"]
    return make_sequence(Path(os.path.abspath(folder)).name, frames, Rows(boxes, rows.numbers), annotation, tuple(notes))


def sequence_frames(folder: Path) -> tuple[Path, ...]:
    """The frames of a sequence folder, in natural order.

    Raises:
        FileNotFoundError: There is no image in `img/`, `color/` or the folder itself.
    """
    images = next((folder / name for name in ("img", "color") if (folder / name).is_dir()), folder)
    frames = list_images(images)
    if not frames:
        raise FileNotFoundError(
            f"a sequence must have frames, {images} holds no image ({', '.join(SUFFIXES)}); put them into {folder / 'img'}"
        )
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


def find_sequences(root: Path | str) -> Iterator[Path]:
    """Find the sequence folders below a folder, which may be one itself, through symbolic links too, in any order; none without a folder."""
    waiting = [(Path(root), frozenset[str]())] if Path(root).is_dir() else []
    while waiting:
        folder, above = waiting.pop()
        real = os.path.realpath(folder)
        if real in above:  # a link to a folder that it lies in
            continue
        if is_sequence(folder):
            yield folder
        with os.scandir(folder) as entries:
            waiting += [(folder / entry.name, above | {real}) for entry in entries if entry.is_dir()]


_ORIGINS = {"groundtruth.txt": 0, "groundtruth_rect.txt": 1}
"""Coordinate of the first pixel if `meta.json` does not give it, by the name of the file of boxes."""


_LASOT = {"full_occlusion.txt", "out_of_view.txt"}
_ABSENCE = (*sorted(_LASOT), "absence.label")
"""Files that mark frames without the target by 1 and others by 0: LaSOT's two and GOT-10k's."""


def _absent(folder: Path, count: int) -> tuple[np.ndarray, list[str]]:
    """Rows whose target is absent according to the files of a data set, shape (count,); and the names of these files."""
    absent, marks = np.zeros(count, bool), [name for name in _ABSENCE if (folder / name).is_file()]
    for name in marks:
        try:
            values = re.split(r"[\s,]+", (folder / name).read_text(encoding="utf-8-sig").strip().strip(","))
        except UnicodeDecodeError:
            values = []
        if len(values) != count or not set(values) <= {"0", "1"}:
            raise ValueError(f"{name} must hold 0 or 1 for each of the {count} boxes, that of {folder} does not; mend or remove it")
        absent |= np.array(values) == "1"
    return absent, marks


def _origin(folder: Path, default: int) -> int:
    path = folder / "meta.json"
    if not path.is_file():
        return default
    try:
        origin = read_record(path).get("origin", default)
    except ValueError as err:
        raise ValueError(f"meta.json must be a JSON object, {path} is not; repair or remove it") from err
    if isinstance(origin, bool) or origin not in (0, 1):
        raise ValueError(f"origin must be 0 or 1, got {origin!r:.40} in {path}; mend it")
    return origin
