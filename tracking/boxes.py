"""Boxes: overlap, distance of centres, formats, and the text files that hold them.

A box is `x, y, w, h` in px: float64, 0-based, continuous (pixel i covers [i, i + 1]), so `x + w` is the right edge and
`x + w / 2` the centre. Arrays of boxes have shape (..., 4). Text files hold one box a line; polygons of eight numbers
(VOT) are read by the area-preserving rule of the VOT support code, without its pixel-counting `+ 1`, which continuous
coordinates do not need.
"""

import re
from pathlib import Path

import numpy as np

from tracking.files.atomic import write_text


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes.

    Args:
        a: Boxes xywh, shape (..., 4).
        b: Boxes xywh; the leading axes broadcast against those of `a`.

    Returns:
        Shape (...), from 0 to 1; two boxes without area overlap by 0, a box with NaN gives NaN.

    >>> float(iou(np.array([0, 0, 2, 2]), np.array([1, 0, 2, 2])).round(4))
    0.3333
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    top_left = np.maximum(a[..., :2], b[..., :2])
    bottom_right = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    intersection = np.clip(bottom_right - top_left, 0, None).prod(axis=-1)
    union = np.clip(a[..., 2:], 0, None).prod(axis=-1) + np.clip(b[..., 2:], 0, None).prod(axis=-1) - intersection
    return np.clip(intersection / np.where(union == 0, np.inf, union), 0, 1)


def center_error(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance between the centres of boxes.

    Args:
        a: Boxes xywh, shape (..., 4).
        b: Boxes xywh; the leading axes broadcast.

    Returns:
        Shape (...), px; a box with NaN gives NaN.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.linalg.norm(a[..., :2] + a[..., 2:] / 2 - b[..., :2] - b[..., 2:] / 2, axis=-1)


def xywh_to_xyxy(boxes: np.ndarray) -> np.ndarray:
    """Corners (left, top, right, bottom) of boxes xywh, shape (..., 4)."""
    boxes = np.asarray(boxes, np.float64)
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def xyxy_to_xywh(boxes: np.ndarray) -> np.ndarray:
    """Boxes xywh of corners (left, top, right, bottom), shape (..., 4)."""
    boxes = np.asarray(boxes, np.float64)
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)


def clip_boxes(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The part of boxes that lies inside an image.

    Args:
        boxes: Boxes xywh, shape (..., 4).
        size: Width and height of the image, px.

    Returns:
        Boxes xywh, same shape; width or height is 0 where nothing is left.
    """
    return xyxy_to_xywh(np.clip(xywh_to_xyxy(boxes), 0, [*size, *size]))


def parse_box(text: str) -> np.ndarray:
    """Read a box that a person typed as `x,y,w,h`.

    Returns:
        The box xywh, shape (4,).

    Raises:
        ValueError: The text is not four finite numbers, or width or height is not positive.

    >>> parse_box("10,20,30,40")
    array([10., 20., 30., 40.])
    """
    try:
        box = np.array([float(part) for part in text.split(",")])
    except ValueError as err:
        raise ValueError(f"a box must be four numbers x,y,w,h, got {text!r}; write for example 10,20,30,40") from err
    if box.shape != (4,) or not np.isfinite(box).all() or not (box[2:] > 0).all():
        raise ValueError(f"a box must be x,y,w,h: four finite numbers with w and h above 0, got {text!r}")
    return box


def read_boxes(path: Path | str) -> np.ndarray:
    """Read a text file of boxes: one `x,y,w,h`, or one polygon of eight numbers, a line.

    The numbers are separated by commas, semicolons, tabs or spaces.

    Args:
        path: The file. Its coordinates are returned unchanged, whatever their origin; `nan` marks a missing box.

    Returns:
        Boxes xywh, shape (T, 4).

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line holds something else, or the file is no UTF-8 text or holds no box.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"boxes must be in a text file, {path} is none; one x,y,w,h a line")
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except UnicodeDecodeError as err:
        raise ValueError(f"boxes must be in a text file, {path} is no UTF-8 text; one x,y,w,h a line") from err
    if not lines:
        raise ValueError(f"a file of boxes must hold at least one, {path} is empty; write one x,y,w,h a line")
    return np.array([_read_line(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1)])


def write_boxes(path: Path | str, boxes: np.ndarray) -> None:
    """Write boxes as text, one `x,y,w,h` a line with four decimals; the file appears in one step.

    Args:
        path: The file; an older one is replaced.
        boxes: Boxes xywh, shape (T, 4); NaN is allowed.

    Raises:
        ValueError: The shape is not (T, 4).
    """
    boxes = np.asarray(boxes, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes must have shape (T, 4), got {boxes.shape} for {path}")
    write_text(path, "".join(",".join(f"{value:.4f}" for value in box) + "\n" for box in boxes))


def _read_line(line: str, where: str) -> np.ndarray:
    try:
        values = np.array([float(part) for part in re.split(r"\s*[,;]\s*|\s+", line.strip())])
    except ValueError as err:
        raise ValueError(f"a line of boxes must hold numbers, got {line.strip()[:80]!r} in {where}") from err
    if values.size == 8:
        return _box_of_polygon(values)
    if values.size != 4:
        raise ValueError(f"a line must hold 4 numbers x,y,w,h or the 8 of a polygon, got {values.size} in {where}")
    return values


def _box_of_polygon(values: np.ndarray) -> np.ndarray:
    """Replace a polygon by an upright box of about the same area.

    The box has its centre at the mean of the corners, the aspect ratio of the polygon's bounding box, and the area of the product of two
    neighbouring sides of the polygon.
    """
    corners = values.reshape(4, 2)
    extent = corners.max(axis=0) - corners.min(axis=0)
    area = np.linalg.norm(corners[0] - corners[1]) * np.linalg.norm(corners[1] - corners[2])
    bounding_area = extent.prod()
    sides = extent * np.sqrt(area / bounding_area) if bounding_area > 0 else extent
    return np.concatenate([corners.mean(axis=0) - sides / 2, sides])
