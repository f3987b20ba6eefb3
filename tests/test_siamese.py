import math
from dataclasses import replace

import numpy as np
import pytest

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
    return Targets(
        np.array([[100.0, 80.0]]), np.array([size]), np.zeros((1, 3)), np.array([128]), None, np.full(1, np.nan), np.zeros((1, 4))
    )


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


class Present(Bright):
    """Has a third output: the logit is 3 if the crop shows something bright, else -4, whose sigmoids are .953 and .018."""

    def run(self, graph, inputs):
        found = super().run(graph, inputs)
        return found if graph == "template" else [*found, np.array([[3.0 if image.max() > 150 else -4.0] for image in inputs["search"]])]


def spot(size, *place):
    """A grey image with a white spot at (x, y), or without."""
    image = np.full((*size, 3), 100, np.uint8)
    for x, y in place:
        image[y - 4 : y + 4, x - 4 : x + 4] = 255
    return image


def test_a_presence_output_is_the_score_and_moves_no_box():
    box, images = np.array([50.0, 40, 24, 24]), [spot((120, 160), *place) for place in ([(60, 50)], [(66, 54)], [])]
    tracks = {}
    for network, scores in ((Present(), [1, 0.95257, 0.01799]), (Bright(), [1, 0.99995, 0.99995])):
        results = [result for _, result, _ in follow(Siamese(network, replace(ALIGNED, lost_below=0.5)), images, box)]
        assert [result.score for result in results] == pytest.approx(scores, abs=1e-5)
        assert [result.doubtful for result in results] == [score < 0.5 for score in scores]
        tracks[type(network)] = np.array([result.box for result in results])
    assert (tracks[Present] == tracks[Bright]).all()


def test_targets_of_two_crop_sizes_keep_their_own_presence():
    settings = replace(SETTINGS, aligned=True, small_target_size=192)
    boxes = np.array([[10.0, 10, 4, 4], [10, 10, 20, 20], [10, 10, 4, 4]])
    siamese = Siamese(Present(), settings)
    state = siamese.start([spot((50, 100))] * 3, boxes)
    _, _, scores = siamese.step([spot((50, 100)), spot((50, 100), (20, 20)), spot((50, 100))], state)
    assert scores == pytest.approx([0.01799, 0.95257, 0.01799], abs=1e-5)


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


def moved_by_hand(target, cls, reg, image_size, side, settings):
    """Where the public tracker moves one target, cell by cell in plain numbers: ((x, y), (w, h), score)."""
    x, y, w, h = target
    cells = len(cls)
    stride = side // cells

    def context(width, height):
        pad = (width + height) / 2
        return math.sqrt((width + pad) * (height + pad))

    scale = settings.template_size / context(w, h)
    found = []
    for row in range(cells):
        for column in range(cells):
            cell_x, cell_y = ((i - cells // 2) * stride + side // 2 for i in (column, row))
            left, top, right, bottom = reg[:, row, column]
            width, height = max(left + right, 0.001), max(top + bottom, 0.001)
            score = 1 / (1 + math.exp(-cls[row, column]))
            of_size = context(width, height) / context(w * scale, h * scale)
            of_shape = (w / h) / (width / height)
            penalty = math.exp(-(max(of_size, 1 / of_size) * max(of_shape, 1 / of_shape) - 1) * settings.penalty_k)
            window = math.prod(0.5 - 0.5 * math.cos(2 * math.pi * i / (cells - 1)) for i in (row, column))
            judged = penalty * score * (1 - settings.window_influence) + window * settings.window_influence
            middle = (cell_x + (right - left) / 2, cell_y + (bottom - top) / 2)
            found.append((judged, penalty, score, middle, (width, height)))
    _, penalty, score, middle, shown = max(found, key=lambda cell: cell[0])
    centre = [min(max(at + (there - side // 2) / scale, 0), most) for at, there, most in zip((x, y), middle, image_size, strict=True)]
    size = []
    for old, new, most in zip((w, h), shown, image_size, strict=True):
        rate = penalty * score * settings.lr
        once = old * (1 - rate) + new / scale * rate
        size.append(min(max(old * (1 - rate) + once * rate, 10), max(most, 10)))
    return centre, size, score


@pytest.mark.parametrize("cells, side", [(16, 128), (9, 144), (16, 150)])
def test_every_cell_is_judged_as_by_hand(rng, cells, side):
    settings = replace(SETTINGS, penalty_k=0.06, lr=0.6, window_influence=0.3)
    targets = Targets(
        np.array([[100.0, 80.0], [40.0, 50.0], [5.0, 190.0], [100.0, 100.0], [60.0, 60.0]]),
        np.array([[32.0, 20.0], [14.0, 50.0], [11.0, 12.0], [150.0, 90.0], [5.0, 12.0]]),
        np.zeros((5, 3)),
        np.full(5, side),
        None,
        np.full(5, np.nan),
        np.zeros((5, 4)),
    )
    image_sizes = np.array([[200.0, 150.0], [90.0, 210.0], [200.0, 200.0], [130.0, 120.0], [100.0, 8.0]])
    for _ in range(20):
        cls, reg = rng.normal(0, 2, (5, cells, cells)), rng.uniform(-5, 60, (5, 4, cells, cells))
        answer = advance(targets, cls, reg, image_sizes, side, settings)
        for b in range(5):
            place = (*targets.centre[b], *targets.size[b])
            by_hand = moved_by_hand(place, cls[b], reg[b], image_sizes[b], side, settings)
            assert [*by_hand[0], *by_hand[1], by_hand[2]] == pytest.approx([*answer[0][b], *answer[1][b], answer[2][b]])


def test_the_window_is_blended_with_what_is_left_of_the_score():
    """0.6 x 0.9 + 0.4 x 0 in a corner, 0.6 x 0.4 + 0.4 x 1 in the middle of 9 x 9 cells."""
    cls, reg = np.full((1, 9, 9), -10.0), np.full((1, 4, 9, 9), 16.0)
    cls[0, 0, 0], cls[0, 4, 4] = math.log(9), math.log(2 / 3)
    centre, _, score = advance(target(), cls, reg, np.array([[200.0, 200.0]]), 144, replace(SETTINGS, window_influence=0.4))
    assert score[0] == pytest.approx(0.4) and centre[0].tolist() == [100, 80]
    _, _, score = advance(target(), cls, reg, np.array([[200.0, 200.0]]), 144, replace(SETTINGS, window_influence=0.2))
    assert score[0] == pytest.approx(0.9)  # 0.8 x 0.9 against 0.8 x 0.4 + 0.2


class Noted:
    """A network that notes what it is asked and answers with its template or with the middle of the crop."""

    def __init__(self):
        self.asked = []

    def run(self, graph, inputs):
        self.asked.append((graph, inputs))
        if graph == "template":
            return [np.arange(len(inputs["template"]))]
        B, side = inputs["search"].shape[:2]
        return np.zeros((B, 1, side // 16, side // 16)), np.full((B, 4, side // 16, side // 16), 8.0)


@pytest.fixture
def cuts(monkeypatch):
    """What `crop_public` is asked for: (centre, side, size, fill) of each crop."""
    noted = []

    def cut(image, centre, side, size, fill):
        noted.append((centre.tolist(), side, size, fill.tolist()))
        return crop_public(image, centre, side, size, fill)

    monkeypatch.setattr("tracking.trackers.siamese.crop_public", cut)
    return noted


def test_crops_of_a_start_and_of_a_step(cuts):
    """A context of 20 px in a template of 64 and, at the same scale, 20 x 160 / 64 = 50 px in a search crop of 160."""
    settings = replace(SETTINGS, search_size=160, small_target_size=160)
    image = np.full((90, 120, 3), (1, 2, 3), np.uint8)
    image[:45] = (3, 6, 9)
    siamese = Siamese(Noted(), settings)
    state = siamese.start([image, image], np.array([[40.0, 30, 10, 10], [60, 20, 9, 3]]))
    # sqrt(15 x 9) = 11.62 px; sides are rounded
    assert cuts == [([45, 35], 20, 64, [2, 4, 6]), ([64.5, 21.5], 12, 64, [2, 4, 6])]
    cuts.clear()
    siamese.step([image, image], state)
    assert [cut[:3] for cut in cuts] == [([45, 35], 50, 160), ([64.5, 21.5], 29, 160)]


def test_a_template_may_show_less_context_at_the_scale_of_the_search_crop(cuts):
    """Target and context, 20 px, fill 64 px of a crop: the template of 48 px shows 15 px of the image, the search crop of 160 shows 50."""
    settings = replace(SETTINGS, template_size=48, context_size=64, search_size=160, small_target_size=160)
    image = np.zeros((90, 120, 3), np.uint8)
    siamese = Siamese(Noted(), settings)
    siamese.step([image], siamese.start([image], np.array([[40.0, 30, 10, 10]])))
    assert [cut[1:3] for cut in cuts] == [(15, 48), (50, 160)]


def test_the_context_sets_the_scale_of_what_is_found():
    """A context of 64 px in 128 px of the crop: cell (6, 9) lies 16 px above and 8 px right of the middle, half as many in the image."""
    settings = replace(SETTINGS, context_size=128)
    centre, size, _ = advance(target(), *maps(best=(6, 9)), np.array([[200.0, 200.0]]), 128, settings)
    assert centre[0] == pytest.approx([104, 72]) and size[0] == pytest.approx([16, 16], rel=1e-3)


@pytest.mark.parametrize("wrong", [15, 1025, -1])
def test_a_context_is_a_side_that_a_crop_may_have(wrong):
    with pytest.raises(ValueError, match=r"^context_size must be 0 or lie between 16 and 1024 px, got -?\d+; 0 takes"):
        replace(SETTINGS, context_size=wrong)
    assert [replace(SETTINGS, context_size=right).context for right in (0, 16, 1024)] == [64, 16, 1024]


@pytest.mark.parametrize("side, whole", [(12.49, 12), (12.5, 13), (13.5, 14)])
def test_sides_of_public_crops_are_rounded_up_from_a_half(cuts, side, whole):
    image = np.zeros((90, 120, 3), np.uint8)
    Siamese(Noted(), SETTINGS).start([image], np.array([[40.0, 30, side / 2, side / 2]]))  # a square's context is twice its side
    assert cuts[0][1] == whole


def test_a_target_is_small_by_its_share_of_the_image():
    settings = replace(SETTINGS, small_target_size=192)
    image = np.zeros((50, 100, 3), np.uint8)  # 0.004 of it are 20 px
    network = Noted()
    siamese = Siamese(network, settings)
    state = siamese.start([image] * 4, np.array([[10.0, 10, 4, 5], [10, 10, 4, 4.99], [10, 10, 2, 10.1], [10, 10, 19, 1]]))
    assert state.search_size.tolist() == [128, 192, 128, 192]
    network.asked.clear()
    siamese.step([image] * 4, state)
    asked = {graph: inputs["template_features"].tolist() for graph, inputs in network.asked}
    assert asked == {"search": [0, 2], "search_192": [1, 3]}


def test_images_of_one_batch_may_differ_in_size():
    """The target of the small image becomes as large as the image, 30 x 40 px, and that of the large one grows on."""
    settings = replace(SETTINGS, lr=1.0)
    images = [np.zeros((40, 30, 3), np.uint8), np.zeros((300, 200, 3), np.uint8)]

    class Large(Noted):
        def run(self, graph, inputs):
            cls, *reg = super().run(graph, inputs)
            return [cls, *(distances * 8 for distances in reg)]

    siamese = Siamese(Large(), settings)
    state = siamese.start(images, np.array([[5.0, 5, 20, 25], [100, 200, 20, 25]]))
    _, boxes, _ = siamese.step(images, state)
    assert boxes[0, 2:].tolist() == [30, 40] and (boxes[1, 2:] > [30, 40]).all()


@pytest.mark.parametrize(
    "right",
    [
        {"template_size": 16},
        {"search_size": 1024},
        {"lr": 0},
        {"lr": 1},
        {"window_influence": 1},
        {"lost_below": 0},
        {"small_target_area": 1},
    ],
)
def test_the_ends_of_what_is_allowed(right):
    assert replace(SETTINGS, **right)


@pytest.mark.parametrize(
    "wrong", [{"search_size": 1040}, {"small_target_size": -16}, {"small_target_area": 1.01}, {"lost_below": 1.01}, {"lr": -0.01}]
)
def test_what_lies_beyond_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(SETTINGS, **wrong)


def test_what_is_not_said_is_usual():
    assert (SETTINGS.small_target_area, SETTINGS.aligned, SETTINGS.lost_below) == (0.004, False, 0.1)
