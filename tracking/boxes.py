"""Boxes: overlap, distance of centres, and formats.

A box is `x, y, w, h` in px: float64, 0-based, continuous (pixel i covers [i, i + 1]), so `x + w` is the right edge and
`x + w / 2` the centre. Arrays of boxes have shape (..., 4). Polygons of eight numbers (VOT) become boxes by the area-preserving rule of
the VOT support code, without its pixel-counting `+ 1`, which continuous coordinates do not need.
"""

import numpy as np


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


def convex_quadrilateral(corners: np.ndarray) -> np.ndarray:
    """Whether four corners, in order, are a quadrilateral such as people draw around a target.

    It is convex, and neither of two opposite sides is more than three times as long as the other. All 19,590 polygons of VOT2019 are.

    Args:
        corners: x and y of four corners, shape (..., 8).

    Returns:
        Booleans of shape (...); False where a number is missing.
    """
    points = np.asarray(corners, np.float64).reshape(*np.shape(corners)[:-1], 4, 2)
    sides = np.roll(points, -1, axis=-2) - points
    after = np.roll(sides, -1, axis=-2)
    turns = sides[..., 0] * after[..., 1] - sides[..., 1] * after[..., 0]
    lengths = np.linalg.norm(sides, axis=-1)
    opposite = np.roll(lengths, 2, axis=-1)
    return ((turns > 0).all(axis=-1) | (turns < 0).all(axis=-1)) & (lengths <= 3 * opposite).all(axis=-1)


def box_of_polygon(values: np.ndarray) -> np.ndarray:
    """Replace a polygon by an upright box of about the same area.

    The box has its centre at the mean of the corners, the aspect ratio of the polygon's bounding box, and the area of the product of two
    neighbouring sides of the polygon.

    Args:
        values: x and y of four corners in order, shape (8,).

    Returns:
        The box xywh, shape (4,).
    """
    corners = values.reshape(4, 2)
    extent = corners.max(axis=0) - corners.min(axis=0)
    area = np.linalg.norm(corners[0] - corners[1]) * np.linalg.norm(corners[1] - corners[2])
    bounding_area = extent.prod()
    sides = extent * np.sqrt(area / bounding_area) if bounding_area > 0 else extent
    return np.concatenate([corners.mean(axis=0) - sides / 2, sides])
