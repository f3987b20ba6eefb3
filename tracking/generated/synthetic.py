"""Generated video: an endless source of training pairs and of test sequences.

Nothing is stored: a seed gives the same pixels again, with the same versions of OpenCV, NumPy and scikit-learn (whose photographs are
used). Training, validation and test use different seeds. Scenes are drawn in `world` and painted in `scene`.
"""

from functools import lru_cache

import numpy as np

from tracking.generated.scene import render
from tracking.generated.world import World, make_world, sample_scene
from tracking.pairs import PairBatch, search_window, template_window
from tracking.sequence import Sequence


class SyntheticPairs:
    """Training pairs, each from a scene of its own, which is painted straight into the two crops.

    The seed and the index of a batch determine it.
    """

    content: str | None = None

    def __init__(self, template_size: int, search_size: int, seed: int, context_size: int = 0) -> None:
        """Draw the textures and sceneries of all scenes, which takes about a second; those of the latest seed are kept.

        Args:
            template_size: Side of the template crop, px.
            search_size: Side of the search crop, px.
            seed: Start of all randomness.
            context_size: Side of the square of target and context at the scale of the crops, px; 0 for the template's side.
        """
        self.template_size = template_size
        self.search_size = search_size
        self.context_size = context_size or template_size
        self._seed = seed
        self._world = _world_of_pairs(seed)

    def batch(self, index: int, count: int) -> PairBatch:
        """The batch with the number `index`, which holds `count` pairs."""
        rng = np.random.default_rng([self._seed, _PAIRS, index])
        templates = np.empty((count, self.template_size, self.template_size, 3), np.uint8)
        searches = np.empty((count, self.search_size, self.search_size, 3), np.uint8)
        boxes = np.empty((count, 4), np.float32)
        for i in range(count):
            templates[i], searches[i], boxes[i] = self._pair(rng)
        return PairBatch(templates, searches, boxes, np.ones(count, bool))

    def _pair(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # in a frame of this size the target is about as large as in the crops, so that texture detail survives and no work is wasted
        target_px = self.context_size / 2 * np.exp(rng.uniform(-0.2, 0.2))
        frame_px = target_px / np.exp(rng.uniform(np.log(0.06), np.log(0.3)))
        size = (round(frame_px * 1.15), round(frame_px / 1.15))
        scene = sample_scene(rng, self._world, np.array([0.0, rng.uniform(1, 60)]), size, target_px)
        template = template_window(scene.boxes[0], self.template_size, self.context_size)
        search = search_window(rng, scene.boxes[1], self.context_size, self.search_size)
        fill = scene.mean_colour(0)
        return (
            render(scene, 0, template.matrix(), (template.size, template.size), fill),
            render(scene, 1, search.matrix(), (search.size, search.size), fill),
            search.box(scene.boxes[1]),
        )


@lru_cache(maxsize=1)
def _world_of_pairs(seed: int) -> World:
    return make_world(np.random.default_rng([seed, _MATERIAL]), textures=96, sceneries=32)


def synthetic_sequence(seed: int, frames: int = 40, size: tuple[int, int] = (320, 240)) -> Sequence:
    """Generate a video.

    Args:
        seed: Determines the video.
        frames: Number of frames.
        size: Width and height, px.

    Returns:
        The sequence `synthetic-SEED`, its frames in memory; boxes enclose the whole target, hidden or not, clipped to the frame.
    """
    rng = np.random.default_rng([seed, _SEQUENCE])
    target_px = float(np.sqrt(size[0] * size[1]) * np.exp(rng.uniform(np.log(0.1), np.log(0.25))))
    scene = sample_scene(rng, make_world(rng, textures=12, sceneries=1), np.arange(frames), size, target_px)
    return Sequence(f"synthetic-{seed}", tuple(render(scene, t) for t in range(frames)), scene.boxes, np.ones(frames, bool))


def synthetic_dataset(seed: int, count: int, frames: int = 40, size: tuple[int, int] = (320, 240)) -> list[Sequence]:
    """Generate videos from the seeds `seed`, `seed + 1` and so on.

    Args:
        seed: The first seed.
        count: Number of videos.
        frames: Number of frames of each video.
        size: Width and height, px.
    """
    return [synthetic_sequence(seed + i, frames, size) for i in range(count)]


_MATERIAL, _PAIRS, _SEQUENCE = range(3)
"""Numbers of the random streams that start from one seed; different streams are independent."""
