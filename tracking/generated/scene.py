"""A scene of textured sprites in front of a scenery, and its renderer, which paints any part of a frame at any size.

Coordinates are continuous (pixel i covers [i, i + 1]). A view is a homogeneous matrix (3, 3) from the frame to the picture, so a crop
is rendered directly and not cut out of a whole frame. Sprites are filled polygons whose mask is oversampled and whose texture reaches
beyond the rim, or pictures with alpha. So the rim is a clean mixture of sprite and background, without a halo that a network could learn
instead of the target. Matrices may be homographies, which foreshorten what they map.
"""

from dataclasses import dataclass

import numpy as np

from tracking.augment import Look, apply_look
from tracking.generated.outlines import Limb
from tracking.images import cv2


@dataclass(frozen=True, eq=False)
class Part:
    """A limb with the texture that fills it.

    A texture with alpha is painted as it is, and the limb's points are the rim of its shape. One without is painted where the limb is.
    """

    limb: Limb
    texture: np.ndarray
    """RGB, uint8, reflected where it ends; or RGBA."""
    object_from_texture: np.ndarray
    """Matrix from texture px to object units, shape (3, 3)."""
    colour: np.ndarray
    """Colour map that is applied to the texture, shape (3, 4); see `colour_map`."""
    wave: tuple[float, float] = (0.0, 0.0)
    """A wave that runs down the part and shifts it sideways: amplitude, object units, and wave number, rad per object unit."""

    def rim(self, pose: np.ndarray, gait: float) -> np.ndarray:
        """The points of the limb in the picture, px, shape (N, 2); arguments as for `at`."""
        return _transform(self.at(pose, gait), self.bent(self.limb.points, gait))

    def bent(self, points: np.ndarray, gait: float) -> np.ndarray:
        """Points in object units, shape (N, 2), shifted by the wave."""
        amplitude, number = self.wave
        return points + np.column_stack([amplitude * np.sin(number * points[:, 1] + gait), np.zeros(len(points))]) if amplitude else points

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
    shown: np.ndarray | None = None
    """Whether the object is there at each moment, shape (T,); with None it always is."""

    def box(self, t: int) -> np.ndarray:
        """The tight box of the whole sprite at moment number `t`, including hidden parts: xywh, frame px, shape (4,)."""
        points = np.concatenate([part.rim(self.poses[t], self.gaits[t]) for part in self.parts])
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
    target: int | None = None
    """Which of the sprites the target is; None for a region of the scenery."""

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
        if sprite.shown is not None and not sprite.shown[t]:
            continue
        pose = view @ sprite.poses[t]
        for part in sprite.parts:
            _paint(canvas, part, pose, sprite.gaits[t])
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


def _paint(canvas: np.ndarray, part: Part, pose: np.ndarray, gait: float) -> None:
    """Paint one part into the canvas, in place; `pose` goes from object units to canvas px."""
    points, matrix = part.rim(pose, gait), part.at(pose, gait)
    low, high = points.min(axis=0), points.max(axis=0)
    # the soft rim of a picture with alpha reaches a little beyond its shape
    spare = 1 if part.texture.shape[2] == 4 else 0
    left, top = np.maximum(np.floor(low) - spare, 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(high) + spare, canvas.shape[1::-1]).astype(int).tolist()
    width, height = right - left, bottom - top
    if width <= 0 or height <= 0:
        return
    local = _shifted(-left, -top) @ matrix
    into = local @ part.object_from_texture
    if part.texture.shape[2] == 4:
        seen = (
            _warp_waved(part, local, gait, width, height) if part.wave[0] else _warp(part.texture, into, width, height, cv2.BORDER_CONSTANT)
        )
        texture, alpha = cv2.transform(np.ascontiguousarray(seen[..., :3]), part.colour), cv2.merge([seen[..., 3]] * 3)
    else:
        alpha = _mask(points - (left, top), (high - low), (low + high) / 2 - (left, top), width, height)
        texture = cv2.transform(_warp(part.texture, into, width, height), part.colour)
    under = canvas[top:bottom, left:right]
    canvas[top:bottom, left:right] = cv2.add(
        cv2.multiply(texture, alpha, scale=1 / 255), cv2.multiply(under, cv2.bitwise_not(alpha), scale=1 / 255)
    )


def _mask(points: np.ndarray, extent: np.ndarray, middle: np.ndarray, width: int, height: int) -> np.ndarray:
    """A filled polygon with soft rims: uint8, shape (height, width, 3)."""
    # fillPoly also fills the pixels that the rim touches, half a pixel of the mask all round: shrink the polygon by as much
    points = middle + (points - middle) * np.maximum(1 - 1 / _OVERSAMPLING / np.maximum(extent, 1e-6), 0)
    fine = (points * _OVERSAMPLING - 0.5) * (1 << _SUBPIXEL_BITS)
    mask = np.zeros((height * _OVERSAMPLING, width * _OVERSAMPLING), np.uint8)
    cv2.fillPoly(mask, [np.round(fine).astype(np.int32)], 255, cv2.LINE_8, _SUBPIXEL_BITS)
    return cv2.cvtColor(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR)


def _warp_waved(part: Part, matrix: np.ndarray, gait: float, width: int, height: int) -> np.ndarray:
    """A picture with alpha whose rows are shifted by the part's wave; `matrix` goes from object units to the result."""
    y, x = np.mgrid[0.5:height, 0.5:width]
    objects = _transform(np.linalg.inv(matrix), np.column_stack([x.ravel(), y.ravel()]))
    amplitude, number = part.wave
    objects[:, 0] -= amplitude * np.sin(number * objects[:, 1] + gait)
    places = _transform(np.linalg.inv(part.object_from_texture), objects).astype(np.float32) - np.float32(0.5)
    maps = places.reshape(height, width, 2)
    return cv2.remap(part.texture, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)  # type: ignore[call-overload]


def _shifted(x: float, y: float) -> np.ndarray:
    """Matrix (3, 3) of a shift."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], float)


def _warp(image: np.ndarray, matrix: np.ndarray, width: int, height: int, border: int = cv2.BORDER_REFLECT_101) -> np.ndarray:
    """Resample an image; `matrix` goes from the continuous coordinates of the image to those of the result."""
    # OpenCV counts from the middle of the first pixel
    if matrix[2, 0] or matrix[2, 1]:
        counted = _shifted(-0.5, -0.5) @ matrix @ _shifted(0.5, 0.5)
        return cv2.warpPerspective(image, counted, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)
    affine = matrix[:2].copy()
    affine[:, 2] += affine[:, 0] / 2 + affine[:, 1] / 2 - 0.5
    return cv2.warpAffine(image, affine, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)


def _transform(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    mapped = points @ matrix[:2, :2].T + matrix[:2, 2]
    return mapped / (points @ matrix[2, :2] + matrix[2, 2])[:, None] if matrix[2, 0] or matrix[2, 1] else mapped
