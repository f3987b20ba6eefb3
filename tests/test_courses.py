"""How protocols run a tracker over a sequence, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from supernet.deploy.evaluating.work import timed
from tracking.benchmarks.courses import with_restarts, without_help
from tracking.lockstep import Course, lockstep
from tracking.sequence import Sequence

TRUE, NEAR, GONE = [10.0, 10, 10, 10], [15.0, 10, 10, 10], [80.0, 80, 10, 10]


class Scripted:
    """Says in each frame what a script says, else the true box; an image's brightness is the number of its frame."""

    def __init__(self, script):
        self.script, self.shown, self.begun = script, [], []

    def start(self, images, boxes):
        self.begun += [int(image.max()) for image in images]
        return len(images)

    def step(self, images, state):
        frames = [int(image.max()) for image in images]
        self.shown += frames
        return state, np.array([self.script.get(frame, TRUE) for frame in frames], float), np.full(len(frames), 0.75)

    def restart(self, images, boxes, state, rows):
        self.start(images, boxes)
        return state

    def select(self, state, rows):
        return len(rows)


def film(frames, boxes=None) -> Sequence:
    images = tuple(np.full((100, 100, 3), t, np.uint8) for t in range(frames))
    boxes = np.array(boxes or [TRUE] * frames, float)
    return Sequence("film", images, boxes, np.isfinite(boxes).all(axis=1))


def run(procedure, course: Course):
    ((_, track),) = lockstep(procedure, [course], 1)
    return track


def test_the_example_of_the_docstring():
    tracker = Scripted({3: GONE})
    track = run(tracker, with_restarts(film(10), film(10).boxes, 5))
    assert track.states.tolist() == [1, 0, 0, 2, 3, 3, 3, 3, 1, 0]
    assert (tracker.begun, tracker.shown) == ([0, 8], [1, 2, 3, 9])
    assert np.flatnonzero(np.isfinite(track.boxes).all(axis=1)).tolist() == [0, 1, 2, 8, 9]
    assert track.scores.tolist()[:3] == [1, 0.75, 0.75] and np.isnan(track.scores[3])


def test_a_failure_right_after_a_restart_and_one_that_leaves_no_frame_for_another():
    track = run(Scripted({1: GONE, 7: GONE}), with_restarts(film(11), film(11).boxes, 5))
    assert track.states.tolist() == [1, 2, 3, 3, 3, 3, 1, 2, 3, 3, 3]
    assert run(Scripted({4: GONE}), with_restarts(film(5), film(5).boxes, 5)).states.tolist() == [1, 0, 0, 0, 2]
    assert run(Scripted({4: GONE}), with_restarts(film(10), film(10).boxes, 5)).states.tolist() == [1, 0, 0, 0, 2, 3, 3, 3, 3, 1]


def test_any_overlap_is_no_failure():
    assert run(Scripted({1: NEAR}), with_restarts(film(3), film(3).boxes, 5)).states.tolist() == [1, 0, 0]


def test_a_frame_without_a_true_region_is_no_failure_and_no_restart():
    boxes = [TRUE] * 9
    boxes[2] = boxes[6] = [np.nan] * 4
    track = run(Scripted({1: GONE, 2: GONE}), with_restarts(film(9, boxes), np.array(boxes), 5))
    assert track.states.tolist() == [1, 2, 3, 3, 3, 3, 3, 1, 0]
    track = run(Scripted({2: GONE}), with_restarts(film(4, boxes[:4]), np.array(boxes[:4]), 5))
    assert track.states.tolist() == [1, 0, 0, 0]


def test_the_region_decides_and_not_the_box_around_it():
    """The tracker's box lies in a corner of the box around a diamond, where the diamond is not."""
    diamond = np.tile([30.0, 10, 50, 30, 30, 50, 10, 30], (3, 1))
    corner, inside = [10.0, 10, 5, 5], [28.0, 28, 5, 5]
    sequence = film(3, [[10.0, 10, 40, 40]] * 3)
    assert run(Scripted({1: corner, 2: inside}), with_restarts(sequence, diamond, 5)).states.tolist() == [1, 2, 3]
    assert run(Scripted({1: inside, 2: inside}), with_restarts(sequence, diamond, 5)).states.tolist() == [1, 0, 0]


def test_without_help_nothing_is_a_failure():
    track = run(Scripted({1: GONE, 2: GONE}), without_help(film(3)))
    assert track.states.tolist() == [1, 0, 0] and track.boxes.tolist() == [TRUE, GONE, GONE]


def test_a_first_box_outside_its_image_is_refused():
    sequence = replace(film(2), boxes=np.array([GONE, GONE]) + 100)
    assert "must lie in the first image" in str(run(Scripted({}), without_help(sequence)))


def test_times_belong_to_the_frames_that_were_shown(monkeypatch):
    """A clock that ticks once a look: 1 s to read a frame, 1 s to track it."""
    ticks = iter(range(1000))
    monkeypatch.setattr("supernet.deploy.evaluating.work.time.perf_counter", lambda: float(next(ticks)))
    tracker = Scripted({3: GONE})
    tracker.settings = None
    track, seconds, reading = timed(tracker, with_restarts(film(10), film(10).boxes, 5))
    shown = track.states != 3
    assert (seconds[shown] == 1).all() and (reading[shown] == 1).all() and shown.sum() == 6
    assert np.isnan(seconds[~shown]).all() and np.isnan(reading[~shown]).all()


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_restarts_in_lockstep_are_as_alone(batch):
    scripts = [{3: GONE}, {1: GONE, 7: GONE}, {}]
    alone = [run(Scripted(script), with_restarts(film(12 - i), film(12 - i).boxes, 5)) for i, script in enumerate(scripts)]

    class Each(Scripted):
        """Knows which target is in which row, from the image's second channel."""

        def step(self, images, state):
            boxes = [scripts[int(image[0, 0, 1])].get(int(image[0, 0, 0]), TRUE) for image in images]
            return state, np.array(boxes, float), np.full(len(images), 0.75)

    def marked(number):
        sequence = film(12 - number)
        for image in sequence.frames:
            image[..., 1] = number
        return sequence

    films = [marked(number) for number in range(3)]
    found = dict(lockstep(Each({}), (with_restarts(one, one.boxes, 5) for one in films), batch))
    for number, track in enumerate(alone):
        assert found[number].states.tolist() == track.states.tolist()
        np.testing.assert_array_equal(found[number].boxes, track.boxes)
