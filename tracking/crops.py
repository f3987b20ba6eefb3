"""Square crops around a target, filled with the mean colour where they leave the image.

There are two rules. `crop_public` is that of the public SiamFC lineage (pysot, LightTrack) and is needed to reproduce published
trackers. It cuts whole pixels, so the centre of its crop lies up to one pixel to the left of and above the requested centre.
`crop_aligned` is centred with sub-pixel precision, which helps weak networks on small crops. Pixel i covers [i, i + 1).
"""

from __future__ import annotations

import numpy as np

from tracking.images import cv2


def context_side(size: np.ndarray) -> np.ndarray:
    """Side of the square that holds a target with its context: sqrt((w + p)(h + p)), p = (w + h) / 2.

    Args:
        size: (..., 2) width and height.

    Returns:
        (...) sides, in the unit of `size`.
    """
    return np.sqrt(np.prod(size + size.sum(-1, keepdims=True) / 2, axis=-1))


def crop_public(image: np.ndarray, centre: np.ndarray, side: int, size: int, fill: np.ndarray) -> np.ndarray:
    """Cut a square of whole pixels as the public trackers do, then resize it.

    Args:
        image: (H, W, 3) uint8.
        centre: (x, y) in pixels of the image.
        side: Side of the square to cut, in whole pixels of the image.
        size: Side of the result in pixels.
        fill: (3,) colour for what lies outside the image.

    Returns:
        (size, size, 3) uint8.
    """
    height, width = image.shape[:2]
    left, top = (round(float(c) - (side + 1) / 2) for c in centre)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    if (x0, y0, x1, y1) == (left, top, left + side, top + side):
        patch = image[y0:y1, x0:x1]
    else:
        patch = np.empty((side, side, 3), np.uint8)
        patch[:] = fill.astype(np.uint8)
        if x1 > x0 and y1 > y0:
            patch[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return cv2.resize(patch, (size, size))


def crop_aligned(image: np.ndarray, centre: np.ndarray, side: float, size: int, fill: np.ndarray) -> np.ndarray:
    """Resample a square centred exactly on `centre`; arguments and result as in `crop_public`, but `side` may be fractional."""
    scale = side / size
    shift = centre - side / 2 + (scale - 1) / 2
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=fill.tolist())
