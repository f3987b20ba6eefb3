import numpy as np
import pytest
import torch

from tracking.benchmarks.one_pass import score
from tracking.benchmarks.restarts import track_with_restarts
from tracking.generated.synthetic import synthetic_sequence
from tracking.lockstep import track_lockstep
from tracking.sequence import Sequence
from tracking.trackers.siamese import Siamese, SiameseSettings

TRUE, NEAR, GONE = [10.0, 10, 10, 10], [19.0, 10, 10, 10], [80.0, 80, 10, 10]
"""The target; a box that overlaps it by 1/19; one that does not overlap it."""


class Scripted:
    """Answers what a script says for each target, frame by frame, counted from its last start; then the true box."""

    def __init__(self, scripts):
        self.scripts, self.restarts = scripts, []

    def start(self, images, boxes):
        return [(row, 0) for row in range(len(boxes))]

    def step(self, images, state):
        assert len(images) == len(state)
        boxes = [self.scripts[row].get(age + 1, TRUE) if isinstance(age, int) else TRUE for row, age in state]
        return [(row, age + 1 if isinstance(age, int) else age) for row, age in state], np.array(boxes), np.ones(len(state))

    def restart(self, images, boxes, state, rows):
        assert len(images) == len(boxes) == len(rows)
        self.restarts.append((rows.tolist(), boxes.tolist()))
        return [(row, "restarted") if place in rows else (row, age) for place, (row, age) in enumerate(state)]

    def select(self, state, rows):
        return [state[row] for row in rows]


def sequence(frames: int, boxes=None) -> Sequence:
    image = np.zeros((100, 100, 3), np.uint8)
    return Sequence("made-up", (image,) * frames, np.array(boxes or [TRUE] * frames), np.ones(frames, bool))


def lost(track: np.ndarray) -> list[int]:
    return np.flatnonzero(np.isnan(track).any(axis=1)).tolist()


def test_the_example_of_the_docstring_and_a_neighbour_that_goes_on():
    procedure = Scripted([{t: GONE for t in range(4, 99)}, {}])
    failed, good = track_with_restarts(procedure, [sequence(40), sequence(40)])
    assert lost(failed) == [5, 6, 7, 8, 9] and failed[4].tolist() == GONE  # frame 4 overlaps by 0 as well
    assert procedure.restarts == [([0], [TRUE])]
    assert (score(failed, sequence(40).boxes).ao, score(good, sequence(40).boxes).ao) == (pytest.approx(33 / 39), 1)


def test_targets_restart_at_frames_of_their_own():
    procedure = Scripted([{2: GONE}, {4: GONE}, {}])
    tracks = track_with_restarts(procedure, [sequence(12)] * 3)
    assert [rows for rows, _ in procedure.restarts] == [[0], [1]]
    assert [lost(track) for track in tracks] == [[3, 4, 5, 6, 7], [5, 6, 7, 8, 9], []]


def test_little_overlap_for_five_frames_is_a_failure_and_for_four_it_is_not():
    procedure = Scripted([{t: NEAR for t in (1, 2, 3, 4, 5)}, {t: NEAR for t in (1, 2, 3, 4, 6, 7)}])
    five, four = track_with_restarts(procedure, [sequence(14)] * 2)
    assert lost(five) == [6, 7, 8, 9, 10] and lost(four) == []


def test_no_restart_while_the_target_is_not_annotated():
    boxes = [TRUE] * 12
    for t in (6, 7, 8):
        boxes[t] = [0, 0, 0, 0]
    procedure = Scripted([{1: GONE}])
    (track,) = track_with_restarts(procedure, [sequence(12, boxes)])
    assert lost(track) == [2, 3, 4, 5, 6, 7, 8, 9]


def test_a_frame_without_annotation_is_no_failure():
    boxes = [TRUE, TRUE, [np.nan] * 4, TRUE]
    (track,) = track_with_restarts(Scripted([{2: GONE}]), [sequence(4, boxes)])
    assert lost(track) == []


def test_sequences_may_differ_in_length():
    """The first fails and has no frame left to begin again in; the second fails in frame 1 and goes on from 6."""
    first, second = track_with_restarts(Scripted([{1: GONE}, {1: GONE}]), [sequence(9), sequence(5)])
    assert (len(first), len(second)) == (9, 5)
    assert (lost(first), lost(second)) == ([2, 3, 4, 5, 6], [2, 3, 4])


class Bright:
    """Sees the target at a corner of the crop, so that it is soon lost."""

    def run(self, graph, inputs):
        count = len(next(iter(inputs.values())))
        if graph == "template":
            return [inputs["template"].reshape(count, -1)[:, :4].astype(np.float32)]
        cls = np.full((count, 1, 6, 6), -5.0)
        cls[:, :, 0, 0] = 5
        return [cls, np.full((count, 4, 6, 6), 8.0)]


class BrightInTorch(Bright):
    """Passes features on as tensors, as torch graphs do."""

    def run(self, graph, inputs):
        assert graph == "template" or isinstance(inputs["template_features"], torch.Tensor)
        found = super().run(graph, inputs)
        return [torch.from_numpy(each) for each in found] if graph == "template" else found


@pytest.mark.parametrize("network", [Bright(), BrightInTorch()])
def test_a_siamese_tracker_that_restarts_is_as_one_that_starts_there(network):
    settings = SiameseSettings(48, 96, 96, penalty_k=0.0, lr=0.5, window_influence=0.0)
    films = [synthetic_sequence(seed, frames=6) for seed in (1, 2)]
    tracker = Siamese(network, settings)
    images = [[film.image(t) for film in films] for t in range(6)]
    state = tracker.start(images[0], np.stack([film.boxes[0] for film in films]))
    state, _, _ = tracker.step(images[1], state)
    before, shown = state.centre.copy(), np.asarray(state.features).copy()
    again = tracker.restart([images[2][1]], films[1].boxes[2][None], state, np.array([1]))
    assert (state.centre == before).all() and (np.asarray(state.features).copy() == shown).all()  # the state before does not change
    assert (np.asarray(again.features)[0] == shown[0]).all() and (np.asarray(again.features)[1] != shown[1]).any()
    _, boxes, _ = tracker.step(images[3], again)
    _, alone, _ = tracker.step([images[3][1]], tracker.start([images[2][1]], films[1].boxes[2][None]))
    _, gone_on, _ = tracker.step(images[3], state)
    assert np.allclose(boxes[1], alone[0]) and np.allclose(boxes[0], gone_on[0]) and not np.allclose(boxes[1], gone_on[1])


def test_a_tracker_that_never_fails_tracks_as_without_restarts():
    class Middle(Bright):
        def run(self, graph, inputs):
            found = super().run(graph, inputs)
            if graph == "search":
                found[0] = np.zeros_like(found[0])
                found[0][:, :, 3, 3] = 5
            return found

    tracker = Siamese(Middle(), SiameseSettings(48, 96, 96, penalty_k=0.0, lr=0.0, window_influence=0.0))
    films = [synthetic_sequence(seed, frames=4) for seed in (1, 2)]
    once, restarted = track_lockstep(tracker, films), track_with_restarts(tracker, films)
    assert all(np.array_equal(a, b) for a, b in zip(once, restarted, strict=True))
