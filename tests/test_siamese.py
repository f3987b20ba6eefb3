from dataclasses import replace

import numpy as np
import pytest

from supernet.families import FAMILIES
from tracking.boxes import iou
from tracking.crops import context_side, crop_aligned, crop_public
from tracking.generated.synthetic import synthetic_sequence
from tracking.grid import centres
from tracking.lockstep import track_lockstep
from tracking.trackers.procedure import follow
from tracking.trackers.siamese import Siamese, SiameseSettings, Targets, advance, sigmoid

SETTINGS = SiameseSettings(64, 128, 128, penalty_k=0.0, lr=1.0, window_influence=0.0)
ALIGNED = replace(SETTINGS, template_size=48, search_size=96, small_target_size=96, aligned=True)


def test_context_of_a_square_is_twice_its_side():
    assert context_side(np.array([10.0, 10.0])) == pytest.approx(20)
    assert context_side(np.array([[8.0, 2.0]])) == pytest.approx(np.sqrt(13 * 7))


def test_crops_keep_what_they_are_centred_on():
    image = np.zeros((40, 60, 3), np.uint8)
    image[20, 30] = 255  # covers 30..31, 20..21
    crop = crop_aligned(image, np.array([30.5, 20.5]), 9, 9, np.zeros(3))
    assert crop[4, 4].tolist() == [255] * 3 and crop.sum() == 255 * 3
    crop = crop_public(image, np.array([30.0, 20.0]), 9, 9, np.zeros(3))
    assert tuple(np.argwhere(crop[..., 0])[0]) == (5, 5)  # the public rule: one pixel off the middle


@pytest.mark.parametrize("cut", [crop_public, crop_aligned])
def test_outside_the_image_is_the_mean_colour(cut):
    image = np.full((20, 20, 3), 200, np.uint8)
    crop = cut(image, np.array([0.0, 10.0]), 10, 10, np.array([7.9, 8, 9]))
    assert np.abs(crop[5, 0].astype(int) - [7, 8, 9]).max() <= 1 and crop[5, 9].tolist() == [200] * 3
    crop = cut(image, np.array([-100.0, -100.0]), 10, 10, np.array([7, 8, 9.0]))
    assert (crop == [7, 8, 9]).all()


def maps(cells=16, best=(8, 8), sides=(16.0, 16.0, 16.0, 16.0)):
    cls = np.full((1, cells, cells), -10.0)
    cls[0, best[0], best[1]] = 10.0
    return cls, np.tile(np.array(sides)[None, :, None, None], (1, 1, cells, cells))


def target(size=(32.0, 32.0)):
    return Targets(np.array([[100.0, 80.0]]), np.array([size]), np.zeros((1, 3)), np.array([128]), None)


def test_the_best_cell_moves_the_target():
    # context side 64 = template size: one crop pixel is one image pixel; cell (6, 9) lies 16 px above and 8 px right of the middle
    centre, size, score = advance(target(), *maps(best=(6, 9)), np.array([[200.0, 200.0]]), 128, SETTINGS)
    assert centre[0] == pytest.approx([108, 64]) and size[0] == pytest.approx([32, 32], rel=1e-3)
    assert score[0] == pytest.approx(1, abs=1e-4)


def test_the_size_is_smoothed_twice():
    settings = replace(SETTINGS, lr=0.5)
    _, size, _ = advance(target(), *maps(sides=(32.0, 32.0, 32.0, 32.0)), np.array([[200.0, 200.0]]), 128, settings)
    rate = 0.5 / (1 + np.exp(-10))
    once = 32 * (1 - rate) + 64 * rate
    assert size[0] == pytest.approx([32 * (1 - rate) + once * rate] * 2)


def test_the_penalty_prefers_the_familiar_shape():
    cls, reg = maps(best=(2, 2))
    cls[0, 12, 12] = 9.0
    reg[0, :, 2, 2] = (60, 5, 60, 5)
    centre, _, _ = advance(target(), cls, reg, np.array([[200.0, 200.0]]), 128, replace(SETTINGS, penalty_k=0.2))
    assert centre[0] == pytest.approx([132, 112])


def test_targets_stay_in_the_image_and_do_not_vanish():
    centre, size, _ = advance(target((12.0, 12.0)), *maps(best=(0, 0), sides=(0, 0, 0, 0)), np.array([[50.0, 50.0]]), 128, SETTINGS)
    assert (centre[0] <= 50).all() and (centre[0] >= 0).all() and (size[0] >= 10).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"template_size": 0},
        {"search_size": 100},
        {"search_size": 264},  # half a cell more than 16
        {"lr": 1.5},
        {"window_influence": -0.1},
        {"penalty_k": -1},
        {"penalty_k": np.nan},
    ],
)
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(SETTINGS, **wrong)


class Bright:
    """A network that finds the brightest pixel and knows the size of the target it was shown."""

    def run(self, graph, inputs):
        if graph == "template":
            return [np.arange(len(inputs["template"]))]
        images = inputs["search"]
        B, size = images.shape[:2]
        cells = size // 8
        cls, reg = np.full((B, cells, cells), -10.0), np.full((B, 4, cells, cells), 12.0)
        for b, image in enumerate(images):
            y, x = np.unravel_index(image.sum(-1).argmax(), image.shape[:2])
            cls[b, min(round(y / 8), cells - 1), min(round(x / 8), cells - 1)] = 10
        return cls[:, None], reg


def test_a_network_that_sees_the_target_tracks_it():
    images = []
    for t in range(20):
        image = np.zeros((120, 160, 3), np.uint8)
        image[50 + t : 54 + t, 60 + 3 * t : 64 + 3 * t] = 255
        images.append(image)
    start = np.array([50.0, 40.0, 24.0, 24.0])
    results = [result for _, result, _ in follow(Siamese(Bright(), replace(SETTINGS, aligned=True, lr=0.1)), images, start)]
    truth = np.array([[50.0 + 3 * t, 40.0 + t, 24, 24] for t in range(20)])
    assert (iou(np.array([result.box for result in results]), truth) > 0.5).all()  # cells are 8 px apart
    assert not any(result.doubtful for result in results)


class Oracle:
    """An ideal network: finds the white rectangle in the crop by its centre of mass, and says its sides from every cell."""

    def run(self, graph, inputs):
        if graph == "template":
            return [None]
        images = inputs["search"]
        size = images.shape[1]
        light, middles, grid = images[0, ..., 0] / 255, np.arange(size) + 0.5, centres(size // 8, 8, size)
        centre = np.array([light.sum(0) @ middles, light.sum(1) @ middles]) / light.sum()
        half = np.array([light.sum(1).max(), light.sum(0).max()]) / 2
        x, y = np.meshgrid(grid, grid)
        (left, top), (right, bottom) = centre - half, centre + half
        cls = -np.hypot(x - centre[0], y - centre[1])
        return cls[None, None], np.stack([x - left, y - top, right - x, bottom - y])[None]


def rectangle(box, size=300):
    """A white rectangle before black; pixels that it covers in part are grey."""
    covered = [
        np.clip(np.minimum(np.arange(size) + 1, x + w) - np.maximum(np.arange(size), x), 0, 1) for x, w in (box[[0, 2]], box[[1, 3]])
    ]
    return np.repeat((np.outer(covered[1], covered[0]) * 255).round().astype(np.uint8)[..., None], 3, axis=2)


def test_an_ideal_network_tracks_without_bias(rng):
    """Half a pixel anywhere between crop, grid and box would show."""
    off, growth = [], []
    for _ in range(10):
        corner, size, step = rng.uniform(100, 150, 2), rng.uniform(25, 60, 2), rng.uniform(-3, 3, 2)
        truth = np.array([[*(corner + t * step), *size] for t in range(10)])
        results = [result.box for _, result, _ in follow(Siamese(Oracle(), ALIGNED), map(rectangle, truth), truth[0])]
        error = np.array(results[1:]) - truth[1:]
        off.append(error[:, :2] + error[:, 2:] / 2)
        growth.append(error[:, 2:] / size)
    assert np.abs(np.concatenate(off).mean(0)).max() < 0.1 and np.abs(off).max() < 0.5
    assert np.abs(np.concatenate(growth).mean(0)).max() < 0.005


def test_lockstep_is_the_tracker_many_times():
    settings = FAMILIES["nano"].settings
    sequences = [synthetic_sequence(seed, frames=5) for seed in (1, 2, 3)]
    together = track_lockstep(Siamese(Bright(), settings), sequences)
    for sequence, boxes in zip(sequences, together, strict=True):
        alone = [result.box for _, result, _ in follow(Siamese(Bright(), settings), sequence.frames, sequence.boxes[0])]
        assert np.allclose(boxes, alone)


def test_lockstep_refuses_unequal_lengths():
    with pytest.raises(ValueError, match="lengths"):
        track_lockstep(Siamese(Bright(), SETTINGS), [synthetic_sequence(1, frames=2), synthetic_sequence(2, frames=3)])


def test_targets_of_one_batch_may_need_crops_of_two_sizes():
    """As one by one: a small target is searched in the larger crop, its neighbour in the batch is not."""
    settings = replace(SETTINGS, aligned=True, small_target_size=192, small_target_area=0.01)
    sequences = [synthetic_sequence(seed, frames=4) for seed in (1, 2, 5)]
    small = [sequence.boxes[0, 2:].prod() / (320 * 240) < 0.01 for sequence in sequences]
    sequences[0].boxes[0, 2:] = 20
    together = track_lockstep(Siamese(Bright(), settings), sequences)
    assert not all(small)
    for sequence, boxes in zip(sequences, together, strict=True):
        alone = [result.box for _, result, _ in follow(Siamese(Bright(), settings), sequence.frames, sequence.boxes[0])]
        assert np.allclose(boxes, alone)


def test_further_sizes_are_graphs_of_their_own():
    settings = replace(SETTINGS, small_target_size=192)
    assert settings.further_search_sizes == (192,) and SETTINGS.further_search_sizes == ()
    assert [settings.graph(size) for size in (128, 192)] == ["search", "search_192"]


def test_sigmoid_is_that_of_scipy():
    from scipy.special import expit

    x = np.concatenate([np.linspace(-40, 40, 4001), [-1e3, 1e3]])
    assert np.abs(sigmoid(x) - expit(x)).max() <= 1e-15
