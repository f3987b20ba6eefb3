"""A scene of textured sprites over a scenery, and its renderer: any frame, seen through any window, at any size.

Coordinates are continuous (pixel i covers [i, i + 1]); a view is a homogeneous matrix (3, 3) from the frame to the
picture, so a crop is rendered directly and never cut out of a whole frame. Sprites are filled polygons whose mask is
oversampled and whose texture reaches beyond the rim: the rim is a clean mixture of sprite and background, with no halo
that a network could learn instead of the target.
"""

from dataclasses import dataclass

import numpy as np

from tracking.augment import Look, apply_look
from tracking.generated.outlines import Limb
from tracking.images import cv2


@dataclass(frozen=True, eq=False)
class Part:
    """A limb with the texture that fills it."""

    limb: Limb
    texture: np.ndarray
    """RGB, uint8; continued by reflection."""
    object_from_texture: np.ndarray
    """From texture px to object units, shape (3, 3)."""
    colour: np.ndarray
    """Colour map on the texture, shape (3, 4)."""

    def at(self, pose: np.ndarray, gait: float) -> np.ndarray:
        """Map from object units to the picture for this part, its swing included.

        Args:
            pose: Map of the whole sprite, shape (3, 3).
            gait: How far the limbs have swung, rad.
        """
        if not self.limb.swing:
            return pose
        angle = self.limb.swing * np.sin(gait + self.limb.phase)
        cosine, sine = np.cos(angle), np.sin(angle)
        x, y = self.limb.hinge
        turn = np.array([[cosine, -sine, x - cosine * x + sine * y], [sine, cosine, y - sine * x - cosine * y], [0, 0, 1]])
        return pose @ turn


@dataclass(frozen=True, eq=False)
class Sprite:
    """A moving object."""

    parts: tuple[Part, ...]
    """Painted in this order."""
    poses: np.ndarray
    """From object units to frame px, shape (T, 3, 3)."""
    gaits: np.ndarray
    """How far the limbs have swung, rad, shape (T,)."""

    def box(self, t: int) -> np.ndarray:
        """The tight box of the whole sprite at time `t`, hidden or not: xywh, frame px, shape (4,)."""
        points = np.concatenate([_transform(part.at(self.poses[t], self.gaits[t]), part.limb.points) for part in self.parts])
        low, high = points.min(axis=0), points.max(axis=0)
        return np.concatenate([low, high - low])


@dataclass(frozen=True, eq=False)
class Scene:
    """A scenery with sprites before it, at T moments."""

    size: tuple[int, int]
    """Width and height of the frame, px."""
    scenery: np.ndarray
    """RGB, uint8; continued by reflection."""
    scenery_poses: np.ndarray
    """From scenery px to frame px, shape (T, 3, 3)."""
    sprites: tuple[Sprite, ...]
    """Painted in this order, later ones before earlier ones."""
    looks: tuple[Look, ...]
    """The camera at each moment."""
    boxes: np.ndarray
    """The target, clipped to the frame: xywh, px, shape (T, 4)."""

    def mean_colour(self, t: int) -> np.ndarray:
        """Mean colour of frame `t`, from the scenery alone: (3,), 0 to 255."""
        across = np.diag([12 / self.size[0], 9 / self.size[1], 1])
        scenery = _warp(self.scenery, across @ self.scenery_poses[t], 12, 9)
        return np.clip(self.looks[t].colour @ [*scenery.mean(axis=(0, 1)), 1], 0, 255)


def render(
    scene: Scene, t: int, view: np.ndarray | None = None, size: tuple[int, int] | None = None, fill: np.ndarray | None = None
) -> np.ndarray:
    """Paint one moment of a scene.

    Args:
        scene: The scene.
        t: The moment.
        view: From frame px to picture px, shape (3, 3), without turn; None shows the whole frame.
        size: Width and height of the picture, px; None is the frame's.
        fill: Colour of what lies outside the frame, shape (3,); None goes on painting there.

    Returns:
        RGB, uint8, shape (height, width, 3).
    """
    view = np.eye(3) if view is None else view
    width, height = size or scene.size
    canvas = _warp(scene.scenery, view @ scene.scenery_poses[t], width, height)
    for sprite in scene.sprites:
        pose = view @ sprite.poses[t]
        for part in sprite.parts:
            _paint(canvas, part, part.at(pose, sprite.gaits[t]))
    picture = apply_look(canvas, scene.looks[t])
    if fill is not None:
        left, top = np.clip(np.round(view[:2, 2]), 0, (width, height)).astype(int)
        right, bottom = np.clip(np.round(view[:2, :2] @ scene.size + view[:2, 2]), 0, (width, height)).astype(int)
        colour = np.round(fill).astype(np.uint8)
        picture[:top], picture[bottom:], picture[:, :left], picture[:, right:] = colour, colour, colour, colour
    return picture


_OVERSAMPLING = 4
_SUBPIXEL_BITS = 4


def _paint(canvas: np.ndarray, part: Part, matrix: np.ndarray) -> None:
    """Paint one part into the canvas, in place; `matrix` goes from object units to canvas px."""
    points = _transform(matrix, part.limb.points)
    low, high = points.min(axis=0), points.max(axis=0)
    left, top = np.maximum(np.floor(low), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(high), canvas.shape[1::-1]).astype(int).tolist()
    width, height = right - left, bottom - top
    if width <= 0 or height <= 0:
        return
    # fillPoly also fills the pixels that the rim touches: half a fine pixel all round
    middle = (low + high) / 2
    points = middle + (points - middle) * np.maximum(1 - 1 / _OVERSAMPLING / np.maximum(high - low, 1e-6), 0)
    fine = ((points - (left, top)) * _OVERSAMPLING - 0.5) * (1 << _SUBPIXEL_BITS)
    mask = np.zeros((height * _OVERSAMPLING, width * _OVERSAMPLING), np.uint8)
    cv2.fillPoly(mask, [np.round(fine).astype(np.int32)], 255, cv2.LINE_8, _SUBPIXEL_BITS)
    alpha = cv2.cvtColor(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR)

    into = matrix @ part.object_from_texture
    into[:2, 2] -= (left, top)
    texture = cv2.transform(_warp(part.texture, into, width, height), part.colour)
    under = canvas[top:bottom, left:right]
    canvas[top:bottom, left:right] = cv2.add(
        cv2.multiply(texture, alpha, scale=1 / 255), cv2.multiply(under, cv2.bitwise_not(alpha), scale=1 / 255)
    )


def _warp(image: np.ndarray, matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resample an image; `matrix` goes from its continuous coordinates to those of the result."""
    affine = matrix[:2].copy()
    # OpenCV counts from the middle of the first pixel
    affine[:, 2] += affine[:, 0] / 2 + affine[:, 1] / 2 - 0.5
    return cv2.warpAffine(image, affine, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _transform(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:2, :2].T + matrix[:2, 2]
