"""Lockstep gives every sequence the track that it has alone, however long the others are."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supernet import shipped
from supernet.catalogue import find_family
from supernet.checkpoints import TrackerCheckpoint, load_tracker
from supernet.deploy.batched_graphs import BatchedGraphs
from supernet.deploy.bundle import load_bundle
from supernet.deploy.export import write_bundle
from supernet.deploy.torch_graphs import TorchGraphs
from supernet.families import FAMILIES
from supernet.training.initialise import initialise
from tracking.benchmarks.restarts import track_with_restarts
from tracking.lockstep import Answer, Shown, in_order, lockstep, longest_first, one_pass, track_lockstep
from tracking.sequence import Sequence
from tracking.trackers import TRACKERS
from tracking.trackers.procedure import follow


class Counting:
    """Adds up the brightness of all images that a target was shown; notes how many targets it is asked for."""

    def __init__(self):
        self.started, self.steps = [], []

    def start(self, images, boxes):
        self.started.append(len(images))
        return boxes + np.array([[float(image.max())] for image in images])

    def step(self, images, state):
        self.steps.append(len(images))
        state = state + np.array([[float(image.max())] for image in images])
        return state, state, np.linspace(0.1, 0.2, len(images))

    def restart(self, images, boxes, state, rows):
        moved = state.copy()
        moved[rows] = self.start(images, boxes)
        return moved

    def select(self, state, rows):
        return state[rows]


def grey(name, first, *values):
    boxes = np.tile([float(first), 1, 2, 3], (len(values), 1))
    return Sequence(name, tuple(np.full((8, 8, 3), value, np.uint8) for value in values), boxes, np.ones(len(values), bool))


def unreadable(name, count):
    """A sequence whose last frame is missing."""
    first = grey(name, 1, *range(count))
    return replace(first, frames=(*first.frames[:-1], Path("/nowhere/1.jpg")))


def test_each_sequence_has_its_own_track():
    """The first row is the given box; what follows adds up the brightness of all images shown so far."""
    tracks = track_lockstep(Counting(), [grey("a", 1, 100, 10, 20), grey("b", 5, 200, 30, 40)])
    assert [track[:, 0].tolist() for track in tracks] == [[1, 111, 131], [5, 235, 275]]
    assert all(track.shape == (3, 4) for track in tracks)
    assert [track.tolist() for track in track_lockstep(Counting(), [grey("a", 1, 0)])] == [[[1, 1, 2, 3]]]
    assert track_lockstep(Counting(), []) == []


def test_the_example_of_the_docstring():
    procedure = Counting()
    tracks = track_lockstep(procedure, [grey("c", 7, 1, 1), grey("a", 1, 1, 2, 3, 4, 5), grey("b", 5, 9, 8, 7)], batch=2)
    assert (procedure.started, procedure.steps) == ([2, 1], [2, 2, 2, 1])
    assert [track[:, 0].tolist() for track in tracks] == [[7, 9], [1, 4, 7, 11, 16], [5, 22, 29]]


def test_sequences_of_one_frame_make_room_at_once():
    procedure = Counting()
    tracks = track_lockstep(procedure, [grey("a", 1, 1), grey("b", 2, 2), grey("c", 3, 3, 4), grey("d", 4, 4)], batch=1)
    assert [len(track) for track in tracks] == [1, 1, 2, 1] and procedure.steps == [1]
    assert procedure.started == [1] * 4  # template features are computed once a target


def test_a_batch_of_equal_lengths_only_starts_and_steps():
    class Plain:
        start, step = Counting.start, Counting.step

        def __init__(self):
            self.started, self.steps = [], []

    assert len(track_lockstep(Plain(), [grey("a", 1, 1, 2), grey("b", 1, 3, 4)], batch=2)) == 2


def test_the_longest_begin_and_equals_keep_their_order():
    assert longest_first([grey("a", 1, 1), grey("b", 1, 1, 2), grey("c", 1, 1), grey("d", 1, 1, 2)]) == [1, 3, 0, 2]


def test_a_sequence_that_cannot_be_read_does_not_stop_the_others():
    films = [unreadable("a", 3), grey("b", 1, 1, 2, 3, 4), unreadable("c", 1), grey("d", 1, 5, 6)]
    found = dict(lockstep(Counting(), (one_pass(film) for film in films), batch=2))
    assert sorted(found) == [0, 1, 2, 3]
    assert isinstance(found[0], OSError) and isinstance(found[2], OSError)
    assert [len(found[number]) for number in (1, 3)] == [4, 2]
    with pytest.raises(OSError, match="nowhere"):
        track_lockstep(Counting(), films)


def test_scores_belong_to_their_targets():
    def scores(film):
        yield Shown(film.image(0), film.boxes[0])
        answer: Answer = yield Shown(film.image(1))
        return answer.score

    assert in_order(Counting(), [grey("a", 1, 1, 2), grey("b", 1, 1, 2)], scores) == [pytest.approx(0.1), pytest.approx(0.2)]


def test_a_batch_holds_a_target():
    with pytest.raises(ValueError, match="at least 1 target, got 0"):
        track_lockstep(Counting(), [grey("a", 1, 1)], batch=0)


NANO = FAMILIES["nano"]


@pytest.fixture(scope="module")
def trackers(tmp_path_factory):
    """One network as torch runs it, as a bundle does, and in batches."""
    arch = NANO.space.sample(np.random.default_rng(0))
    network = NANO.network(arch).eval()
    initialise(network, 0)
    settings = replace(NANO.settings_of(arch), small_target_area=0.05)
    folder = tmp_path_factory.mktemp("lockstep") / "bundle"
    write_bundle(TrackerCheckpoint(network, arch, NANO.tracker, settings), folder)
    _, bundled = load_bundle(folder)
    specs = NANO.graphs(arch, settings)
    graphs = {"torch": TorchGraphs(network, specs), "bundle": bundled, "batched": BatchedGraphs(network, specs, 4)}
    return {name: TRACKERS[NANO.tracker][1](each, settings) for name, each in graphs.items()}


def film(rng: np.random.Generator, number: int, frames: int) -> Sequence:
    """A bright rectangle that wanders over noise, in an image of a random size."""
    height, width = (int(side) for side in rng.integers(60, 200, 2))
    size = rng.integers(8, 50, 2)
    corners = np.cumsum(np.vstack([rng.uniform(5, 20, 2), rng.uniform(-4, 6, (frames - 1, 2))]), axis=0)
    images = []
    for x, y in corners:
        image = rng.integers(0, 90, (height, width, 3)).astype(np.uint8)
        image[max(int(y), 0) : max(int(y) + int(size[1]), 0), max(int(x), 0) : max(int(x) + int(size[0]), 0)] += 120
        images.append(image)
    boxes = np.array([[x, y, *size] for x, y in corners], float)
    return Sequence(str(number), tuple(images), boxes, np.ones(frames, bool))


@pytest.mark.parametrize("kind", ["torch", "bundle", "batched"])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**16), lengths=st.lists(st.integers(1, 7), min_size=1, max_size=6), batch=st.integers(1, 5))
def test_together_is_as_one_by_one(trackers, kind, seed, lengths, batch):
    rng = np.random.default_rng(seed)
    films = [film(rng, number, frames) for number, frames in enumerate(lengths)]
    together = track_lockstep(trackers[kind], films, batch)
    alone = trackers["bundle" if kind == "batched" else kind]
    for one, boxes in zip(films, together, strict=True):
        assert (boxes == [result.box for _, result, _ in follow(alone, one.frames, one.boxes[0])]).all()
    restarted = track_with_restarts(trackers[kind], films, batch)
    for one, boxes in zip(films, restarted, strict=True):
        np.testing.assert_array_equal(boxes, track_with_restarts(alone, [one], 1)[0])


@pytest.mark.parametrize("kind", ["torch", "batched"])
def test_the_tracker_that_ships_goes_the_same_ways(kind):
    """With trained weights a difference in the last digits is pixels twenty frames later, so there must be none."""
    checkpoint = load_tracker(shipped.TRACKER)
    specs = find_family(checkpoint.architecture.family).graphs(checkpoint.architecture, checkpoint.settings)
    graphs = {"torch": lambda: TorchGraphs(checkpoint.network, specs), "batched": lambda: BatchedGraphs(checkpoint.network, specs, 3)}
    tracker = TRACKERS[checkpoint.tracker][1](graphs[kind](), checkpoint.settings)
    films = [film(np.random.default_rng(number), number, frames) for number, frames in enumerate((24, 7, 16, 12))]
    for one, boxes in zip(films, track_lockstep(tracker, films, batch=3), strict=True):
        assert np.abs(boxes - [result.box for _, result, _ in follow(tracker, one.frames, one.boxes[0])]).max() <= 1e-3


def test_batched_graphs_can_be_given_to_another_process(trackers):
    again = pickle.loads(pickle.dumps(trackers["batched"]))
    films = [film(np.random.default_rng(1), 1, 3)]
    assert (track_lockstep(again, films)[0] == track_lockstep(trackers["batched"], films)[0]).all()
