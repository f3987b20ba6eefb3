"""Generated video: an endless source of training pairs and of test sequences.

Nothing is stored: a seed gives the same pixels again, with the same versions of OpenCV, NumPy and scikit-learn (whose photographs are
used), and the same material folder, if there is one. Training, validation and test use different seeds. Images are made in `making`,
scenes are drawn in `staging` and painted in `scene`.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from tracking.boxes import clip_boxes
from tracking.generated.making import make_world
from tracking.generated.material import HELD_OUT_SEED, Material, load_material
from tracking.generated.negatives import ABSENCES, with_absences, without_target
from tracking.generated.scene import Scene, render
from tracking.generated.staging import sample_scene
from tracking.generated.world import World
from tracking.pairs import PairBatch, search_window, template_window
from tracking.sequence import Sequence

FRAMES_OF_AN_ABSENCE = 8
"""Least number of frames of a clip with an absence: a target is to be seen before it goes."""


class SyntheticPairs:
    """Training pairs, each from a scene of its own, which is painted straight into the two crops.

    The seed, the index of a batch and the material determine it.
    """

    def __init__(
        self,
        template_size: int,
        search_size: int,
        seed: int,
        context_size: int = 0,
        negatives: float = 0.0,
        material: Path | str | None = None,
    ) -> None:
        """Draw textures, sceneries and cut-outs of the first scenes, which takes seconds; those of the latest ones are kept.

        Args:
            template_size: Side of the template crop, px.
            search_size: Side of the search crop, px.
            seed: Start of all randomness; from `HELD_OUT_SEED` on, the pictures that are held out are used.
            context_size: Side of the square of target and context at the scale of the crops, px; 0 for the template's side.
            negatives: Share of pairs whose search crop does not show the target, 0 to 1.
            material: A material folder; by default what a bare installation has.

        Raises:
            ValueError: The share is out of range, or the index of the folder is damaged.
            FileNotFoundError: The folder holds no index or lacks pictures.
        """
        if not 0 <= negatives <= 1:
            raise ValueError(f"negatives must be from 0 to 1, got {negatives}; choose another share")
        self.template_size = template_size
        self.search_size = search_size
        self.context_size = context_size or template_size
        self._seed, self._negatives = seed, negatives
        self._material = None if material is None else load_material(str(material), seed >= HELD_OUT_SEED)
        self.content: str | None = None if self._material is None else self._material.content

    def batch(self, index: int, count: int) -> PairBatch:
        """The batch with the number `index`, which holds `count` pairs."""
        rng = np.random.default_rng([self._seed, _PAIRS, index])
        # photographs are many: from time to time others are chosen
        world = _world_of_pairs(self._seed, 0 if self._material is None else index // _BATCHES_A_WORLD, self._material)
        templates = np.empty((count, self.template_size, self.template_size, 3), np.uint8)
        searches = np.empty((count, self.search_size, self.search_size, 3), np.uint8)
        boxes, present = np.zeros((count, 4), np.float32), np.ones(count, bool)
        for i in range(count):
            present[i] = not (self._negatives and rng.random() < self._negatives)
            templates[i], searches[i], box = self._pair(rng, world, bool(present[i]))
            if present[i]:
                boxes[i] = box
        return PairBatch(templates, searches, boxes, present)

    def _pair(self, rng: np.random.Generator, world: World, present: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # in a frame of this size the target is about as large as in the crops, so that texture detail survives and no work is wasted
        target_px = self.context_size / 2 * np.exp(rng.uniform(-0.2, 0.2))
        frame_px = target_px / np.exp(rng.uniform(np.log(0.05), np.log(0.25)))
        size = (round(frame_px * 1.15), round(frame_px / 1.15))
        times = np.array([0.0, rng.uniform(1, 60)])
        scene = later = sample_scene(rng, world, times, size, target_px)
        if not present:
            # what is seen where the target was is a harder question than another place, which the colour of the frame's rim betrays
            other = rng.random() < (0.3 if scene.target is None else 0.08)
            later = sample_scene(rng, world, times, size, target_px) if other else without_target(rng, world, scene, times, 1)
        template = template_window(scene.boxes[0], self.template_size, self.context_size)
        search = search_window(rng, later.boxes[1], self.context_size, self.search_size)
        return (
            render(scene, 0, template.matrix(), (template.size, template.size), scene.mean_colour(0)),
            render(later, 1, search.matrix(), (search.size, search.size), scene.mean_colour(0)),
            search.box(later.boxes[1]),
        )


@lru_cache(maxsize=1)
def _world_of_pairs(seed: int, number: int, material: Material | None) -> World:
    rng = np.random.default_rng([seed, _MATERIAL, number])
    return make_world(rng, textures=96, sceneries=32 if material is None else 80, material=material)


def synthetic_sequence(
    seed: int,
    frames: int = 40,
    size: tuple[int, int] = (320, 240),
    absences: bool | str = False,
    material: Path | str | None = None,
    zoom: float = 1.0,
) -> Sequence:
    """Generate a video.

    Args:
        seed: Determines the video.
        frames: Number of frames.
        size: Width and height, px.
        absences: Whether the target is away for some of the frames, and, if it is a text, how: one of `negatives.ABSENCES`. It is there in
            the first frame.
        material: A material folder, whose held-out pictures are used; by default what a bare installation has.
        zoom: Largest factor by which the camera zooms on the target, in or out, steadily from the first frame to the last; 1 for none.

    Returns:
        The sequence `synthetic-SEED`, its frames in memory; boxes enclose the whole target, hidden or not, clipped to the frame. Where the
        target is away they are NaN.

    Raises:
        ValueError: There are too few frames for an absence, its kind is unknown, or the index of the material folder is damaged.
        FileNotFoundError: The material folder holds no index or lacks pictures.
    """
    if absences and frames < FRAMES_OF_AN_ABSENCE:
        raise ValueError(f"a clip with an absence must have at least {FRAMES_OF_AN_ABSENCE} frames, got {frames}; give more")
    if isinstance(absences, str) and absences not in ABSENCES:
        raise ValueError(f"the kind of an absence must be one of {', '.join(ABSENCES)}, got {absences!r:.80}; True draws one")
    rng = np.random.default_rng([seed, _SEQUENCE])
    target_px = float(np.sqrt(size[0] * size[1]) * np.exp(rng.uniform(np.log(0.1), np.log(0.25))))
    pictures = None if material is None else load_material(str(material), True)
    world = make_world(rng, textures=12, sceneries=1 if pictures is None else 3, material=pictures, cutouts=8)
    scene, visible = sample_scene(rng, world, np.arange(frames), size, target_px), np.ones(frames, bool)
    while absences and scene.target is None:
        scene = sample_scene(rng, world, np.arange(frames), size, target_px)
    if absences:
        scene, visible = with_absences(rng, world, scene, absences if isinstance(absences, str) else None)
    if zoom == 1:
        return Sequence(f"synthetic-{seed}", tuple(render(scene, t) for t in range(frames)), scene.boxes, visible)
    views = _zooming(rng, scene, zoom)
    boxes = np.array([_seen(view, box) for view, box in zip(views, scene.boxes, strict=True)])
    return Sequence(f"synthetic-{seed}", tuple(render(scene, t, view) for t, view in enumerate(views)), clip_boxes(boxes, size), visible)


def _zooming(rng: np.random.Generator, scene: Scene, most: float) -> list[np.ndarray]:
    """For each frame the matrix (3, 3) of a camera that zooms steadily on the target, by a random factor of at most `most`."""
    sizes = np.sqrt(scene.boxes[:, 2:].prod(axis=1))
    side = float(np.nanmedian(sizes))
    least, largest = np.array([_LEAST_PX, 0.5 * min(scene.size)]) / side
    factor = np.clip(np.exp(rng.uniform(-1, 1) * np.log(most)), min(least, 1.0), max(largest, 1.0))
    centres = scene.boxes[:, :2] + scene.boxes[:, 2:] / 2
    middles = np.where(np.isfinite(centres), centres, np.array(scene.size) / 2)
    views = []
    for t, middle in enumerate(middles):
        scale = factor ** (t / max(len(middles) - 1, 1))
        views.append(np.array([[scale, 0, middle[0] * (1 - scale)], [0, scale, middle[1] * (1 - scale)], [0, 0, 1]]))
    return views


def _seen(view: np.ndarray, box: np.ndarray) -> np.ndarray:
    """A box xywh as a view without rotation shows it."""
    return np.concatenate([view[:2, :2] @ box[:2] + view[:2, 2], view[[0, 1], [0, 1]] * box[2:]])


def synthetic_dataset(
    seed: int,
    count: int,
    frames: int = 40,
    size: tuple[int, int] = (320, 240),
    absences: bool | str = False,
    material: Path | str | None = None,
    zoom: float = 1.0,
) -> list[Sequence]:
    """Generate videos from the seeds `seed`, `seed + 1` and so on.

    Args:
        seed: The first seed.
        count: Number of videos.
        frames: Number of frames of each video.
        size: Width and height, px.
        absences: Whether targets are away for some of the frames, and how; see `synthetic_sequence`.
        material: A material folder; see `synthetic_sequence`.
        zoom: Largest factor by which cameras zoom; see `synthetic_sequence`.
    """
    return [synthetic_sequence(seed + i, frames, size, absences, material, zoom) for i in range(count)]


_MATERIAL, _PAIRS, _SEQUENCE = range(3)
"""Numbers of the random streams that start from one seed; different streams are independent."""
_LEAST_PX = 14.0
"""Size that a target keeps when the camera zooms out, px."""
_BATCHES_A_WORLD = 400
"""Number of batches that are made of the same choice of photographs and cut-outs."""
