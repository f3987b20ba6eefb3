"""A scene of textured sprites in front of a scenery, and its renderer, which paints any part of a frame at any size.

Coordinates are continuous (pixel i covers [i, i + 1]). A view is a homogeneous matrix (3, 3) from the frame to the picture, so a crop
is rendered directly and not cut out of a whole frame. Sprites are filled polygons whose mask is oversampled and whose texture reaches
beyond the rim. So the rim is a clean mixture of sprite and background, without a halo that a network could learn instead of the target.
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
    """RGB, uint8; reflected where it ends."""
    object_from_texture: np.ndarray
    """Matrix from texture px to object units, shape (3, 3)."""
    colour: np.ndarray
    """Colour map that is applied to the texture, shape (3, 4); see `colour_map`."""

    def at(self, pose: np.ndarray, gait: float) -> np.ndarray:
        """Matrix (3, 3) from object units to the picture for this part, which swings about the hinge of its limb.

        Args:
            pose: Matrix from object units to the picture for the whole sprite, shape (3, 3).
            gait: Phase of the sprite's gait, rad; the limb is turned by swing * sin(gait + phase).
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
    """A moving object, at T moments."""

    parts: tuple[Part, ...]
    """Parts in the order in which they are painted."""
    poses: np.ndarray
    """Matrices from object units to frame px, shape (T, 3, 3)."""
    gaits: np.ndarray
    """Phase of the gait, rad, shape (T,); see `Part.at`."""

    def box(self, t: int) -> np.ndarray:
        """The tight box of the whole sprite at moment number `t`, including hidden parts: xywh, frame px, shape (4,)."""
        points = np.concatenate([_transform(part.at(self.poses[t], self.gaits[t]), part.limb.points) for part in self.parts])
        low, high = points.min(axis=0), points.max(axis=0)
        return np.concatenate([low, high - low])


@dataclass(frozen=True, eq=False)
class Scene:
    """A scenery with sprites in front of it, at T moments."""

    size: tuple[int, int]
    """Width and height of the frame, px."""
    scenery: np.ndarray
    """Background: RGB, uint8; reflected where it ends."""
    scenery_poses: np.ndarray
    """Matrices from scenery px to frame px, shape (T, 3, 3)."""
    sprites: tuple[Sprite, ...]
    """Objects in the order in which they are painted; a later one hides an earlier one."""
    looks: tuple[Look, ...]
    """Look of the camera at each moment."""
    boxes: np.ndarray
    """Boxes of the target, clipped to the frame: xywh, px, shape (T, 4)."""

    def mean_colour(self, t: int) -> np.ndarray:
        """(3,) mean colour of frame `t`, 0 to 255, estimated from the scenery without the sprites."""
        across = np.diag([12 / self.size[0], 9 / self.size[1], 1])
        scenery = _warp(self.scenery, across @ self.scenery_poses[t], 12, 9)
        return np.clip(self.looks[t].colour @ [*scenery.mean(axis=(0, 1)), 1], 0, 255)


def render(
    scene: Scene, t: int, view: np.ndarray | None = None, size: tuple[int, int] | None = None, fill: np.ndarray | None = None
) -> np.ndarray:
    """Paint one moment of a scene.

    Args:
        scene: The scene.
        t: Number of the moment.
        view: Matrix from frame px to picture px, shape (3, 3), without rotation; by default the identity.
        size: Width and height of the picture, px; by default those of the frame.
        fill: Colour for what lies outside the frame, shape (3,); with None the scene is painted there as well.

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
"""Pixels of a mask along one side of a pixel of the picture."""
_SUBPIXEL_BITS = 4
"""Binary places of the coordinates that OpenCV's `fillPoly` gets."""


def _paint(canvas: np.ndarray, part: Part, matrix: np.ndarray) -> None:
    """Paint one part into the canvas, in place; `matrix` goes from object units to canvas px."""
    points = _transform(matrix, part.limb.points)
    low, high = points.min(axis=0), points.max(axis=0)
    left, top = np.maximum(np.floor(low), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(high), canvas.shape[1::-1]).astype(int).tolist()
    width, height = right - left, bottom - top
    if width <= 0 or height <= 0:
        return
    # fillPoly also fills the pixels that the rim touches, half a pixel of the mask all round: shrink the polygon by as much
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
    """Resample an image; `matrix` goes from the continuous coordinates of the image to those of the result."""
    affine = matrix[:2].copy()
    # OpenCV counts from the middle of the first pixel
    affine[:, 2] += affine[:, 0] / 2 + affine[:, 1] / 2 - 0.5
    return cv2.warpAffine(image, affine, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _transform(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:2, :2].T + matrix[:2, 2]
