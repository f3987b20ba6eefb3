"""A scripted target disappears and comes back elsewhere: it is called lost, looked for ever further away, and found."""

from dataclasses import replace

import numpy as np
import pytest

from tests.test_siamese import SETTINGS, Present, spot
from tracking.boxes import iou
from tracking.trackers.procedure import follow
from tracking.trackers.recovering import CROPS, Recovering, place
from tracking.trackers.siamese import Siamese

SEEN = replace(SETTINGS, aligned=True, lr=0.0, lost_below=0.3, lost_after=3, found_above=0.6)
"""The box keeps its size; the score is Present's: .95 if the crop shows something bright, else .02."""
BOX = np.array([48.0, 38, 24, 24])


class Counting(Present):
    """Counts its search crops."""

    def __init__(self):
        self.crops = 0

    def run(self, graph, inputs):
        self.crops += len(inputs["search"]) if graph == "search" else 0
        return super().run(graph, inputs)


def film(there, away, back):
    """A spot at (60, 50), then none, then one at another place."""
    size = (300, 400)
    return [spot(size, (60, 50))] * there + [spot(size)] * away + [spot(size, back)] * 40


def test_a_target_that_comes_back_elsewhere_is_found():
    images = film(5, 10, (330, 250))
    alone, found = (
        [r for _, r, _ in follow(each, images, BOX)] for each in (Siamese(Present(), SEEN), Recovering(Siamese(Present(), SEEN)))
    )
    assert [r.lost for r in found[:8]] == [False] * 7 + [True]  # the third doubtful box
    back = next(t for t, r in enumerate(found) if t > 8 and not r.lost)
    # 42 places: sweeps of 8, 24 and 42 take 25 frames from the eighth on
    assert 15 <= back <= 33 and not any(r.lost for r in found[back:])
    truth = np.array([330 - 12.0, 250 - 12, 24, 24])
    assert (iou(np.array([r.box for r in found[back + 1 :]]), truth[None]) > 0.5).all()
    assert all(r.lost for r in alone[7:]), "alone it stays lost"
    for t in range(7):  # until it is lost nothing differs
        assert alone[t].box.tolist() == found[t].box.tolist() and alone[t].score == found[t].score
    held = found[4].box.tolist()
    assert all(r.box.tolist() == held for r in found[8:back]), "a lost target stays where it was last sure"


def test_a_target_that_comes_back_near_is_found_at_once():
    results = [r for _, r, _ in follow(Recovering(Siamese(Present(), SEEN)), film(5, 40, (70, 60)), BOX)]
    assert [t for t, r in enumerate(results) if r.lost] == list(range(7, 45))


def test_it_costs_nothing_while_the_target_is_sure_and_a_few_crops_while_it_is_lost():
    network = Counting()
    steps = follow(Recovering(Siamese(network, SEEN)), film(5, 20, (60, 50)), BOX)
    counts = [network.crops for _ in steps]
    assert np.diff(counts)[:7].tolist() == [1] * 7 and np.diff(counts)[7:24].tolist() == [CROPS] * 17 and set(np.diff(counts)[25:]) == {1}


def test_a_look_alike_next_to_the_place_is_refused_by_its_score():
    """The score must be certain: here .953, which is less than .97."""
    strict = replace(SEEN, found_above=0.97)
    recovering = Recovering(Siamese(Present(), strict))
    state = recovering.start([spot((300, 400))], BOX[None])
    for _ in range(4):
        state, _, _ = recovering.step([spot((300, 400))], state)
    assert state.watch.lost[0] and np.isnan(state.watch.usual[0])  # nothing was ever sure, so nothing less is usual
    state, boxes, scores = recovering.step([spot((300, 400), (60, 50))], state)
    assert state.watch.lost[0] and boxes[0].tolist() == BOX.tolist() and scores[0] == pytest.approx(0.95257, abs=1e-5)


def test_targets_of_a_batch_are_lost_and_found_on_their_own():
    films = [film(5, 10, (330, 250)), film(12, 3, (90, 60)), film(20, 8, (300, 60))]
    recovering = Recovering(Siamese(Present(), SEEN))
    state = recovering.start([each[0] for each in films], np.tile(BOX, (3, 1)))
    tracks, lost = [], []
    for t in range(1, 40):
        state, boxes, _ = recovering.step([each[min(t, len(each) - 1)] for each in films], state)
        tracks.append(boxes)
        lost.append(state.watch.lost)
    assert [np.array(lost)[:, b].any() for b in range(3)] == [True, True, True]
    for b, each in enumerate(films):
        alone = [r for _, r, _ in follow(Recovering(Siamese(Present(), SEEN)), [each[min(t, len(each) - 1)] for t in range(40)], BOX)]
        assert [r.lost for r in alone[1:]] == [row[b] for row in lost]
        assert np.array([r.box for r in alone[1:]]) == pytest.approx(np.array(tracks)[:, b])


def test_a_restarted_target_is_not_lost():
    recovering = Recovering(Siamese(Present(), SEEN))
    empty, shown = spot((300, 400)), spot((300, 400), (200, 150))
    state = recovering.start([empty, empty], np.tile(BOX, (2, 1)))
    for _ in range(4):
        state, _, _ = recovering.step([empty, empty], state)
    again = recovering.restart([shown], np.array([[188.0, 138, 24, 24]]), state, np.array([1]))
    assert state.watch.lost.tolist() == [True, True] and again.watch.lost.tolist() == [True, False]
    _, boxes, _ = recovering.step([empty, shown], again)
    assert boxes[0].tolist() == BOX.tolist() and iou(boxes[1:], np.array([[188.0, 138, 24, 24]]))[0] > 0.3


def test_targets_go_on_without_the_others():
    recovering = Recovering(Siamese(Present(), SEEN))
    empty, near = spot((300, 400)), spot((300, 400), (60, 50))
    state = recovering.start([near, near], np.array([BOX, [180.0, 138, 24, 24]]))
    for _ in range(4):
        state, _, _ = recovering.step([near, empty], state)
    alone = recovering.select(state, np.array([1]))
    assert state.watch.lost.tolist() == [False, True] and alone.watch.lost.tolist() == [True] and alone.tried.tolist() == [CROPS - 1]
    for _ in range(3):
        state, boxes, scores = recovering.step([near, near], state)
        alone, its, score = recovering.step([near], alone)
        assert its[0] == pytest.approx(boxes[1]) and score[0] == pytest.approx(scores[1])


def test_places_go_outwards_and_cover_the_image():
    """An image of 5 x 5 places: a first sweep of the 8 nearest, then one of 24, then all 25 over and over."""
    image, home = np.zeros((300, 300, 3), np.uint8), np.array([151.0, 151.0])
    seen = [place(image, home, 100, number) for number in range(8 + 24 + 25 + 25)]
    distances = np.hypot(*(np.array(seen) - home).T)
    assert (np.diff(distances[:8]) >= 0).all() and distances[8] == distances[0] and distances[8:32].max() > distances[:8].max()
    assert len({tuple(each) for each in seen[32:57]}) == 25 and [tuple(each) for each in seen[32:57]] == [tuple(each) for each in seen[57:]]
    # every point of the image lies in some crop, with room for a target of 20 px
    points = np.stack(np.meshgrid(np.arange(10, 300, 10), np.arange(10, 300, 10)), axis=-1).reshape(-1, 1, 2)
    assert (np.abs(points - np.array(seen[32:57])[None]).max(axis=2).min(axis=1) <= 40).all()


def test_a_single_place_is_tried_again_and_again():
    assert [place(np.zeros((40, 30, 3)), np.zeros(2), 200, number).tolist() for number in (0, 1, 7)] == [[15, 20]] * 3
