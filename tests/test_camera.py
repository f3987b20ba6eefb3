"""Tracking behind a camera: which frames are seen, and what counts for the others, counted by hand."""

import numpy as np
import pytest

from tracking.benchmarks.one_pass import score
from tracking.benchmarks.restarts import track_with_restarts
from tracking.camera.answers import MOTIONS, Seen, constant_velocity, motion_named
from tracking.camera.live import track_live
from tracking.camera.schedule import Camera, looks
from tracking.camera.simulated import track_simulated
from tracking.generated.synthetic import synthetic_sequence
from tracking.lockstep import track_lockstep
from tracking.sequence import Sequence
from tracking.trackers.siamese import Siamese, SiameseSettings

NONE = [np.nan] * 4


def video(frames: int, boxes: dict | None = None) -> Sequence:
    """The target is at (10 t, 0) in frame t, whose pixels are t; `boxes` are other annotations."""
    images = tuple(np.full((100, 400, 3), t, np.uint8) for t in range(frames))
    truth = np.array([(boxes or {}).get(t, [10 * t, 0, 20, 20]) for t in range(frames)], float)
    return Sequence("counted", images, truth, np.isfinite(truth).all(axis=1))


class Reader:
    """Finds the target in the image that it is shown, except in frames for which it says something else; its state is the frames it saw."""

    settings = SiameseSettings(48, 96, 96, penalty_k=0.0, lr=0.0, window_influence=0.0)

    def __init__(self, wrong: dict | None = None, clock=None, seconds=0.0, template_s=0.0):
        self.wrong, self.clock, self.seconds, self.template_s = wrong or {}, clock, seconds, template_s
        self.given, self.saw = [], []

    def start(self, images, boxes):
        self._work(self.template_s)
        return [[int(image[0, 0, 0])] for image in images]

    def step(self, images, state):
        frames = [int(image[0, 0, 0]) for image in images]
        self._work(self.seconds if isinstance(self.seconds, float) else self.seconds[frames[0]])
        self.saw.append(frames)
        boxes = np.array([self.wrong.get(t, [10 * t, 0, 20, 20]) for t in frames], float)
        return [[*seen, t] for seen, t in zip(state, frames, strict=True)], boxes, np.array([t / 100 for t in frames])

    def restart(self, images, boxes, state, rows):
        frames = [int(image[0, 0, 0]) for image in images]
        self.given.append((rows.tolist(), frames, boxes[:, 0].tolist()))
        fresh = dict(zip(rows.tolist(), frames, strict=True))
        return [[fresh[row]] if row in fresh else seen for row, seen in enumerate(state)]

    def select(self, state, rows):
        return [state[row] for row in rows]

    def _work(self, seconds):
        if self.clock:
            self.clock.time += seconds


def about(run) -> list:
    """Which frame the answer is about that each frame counts with."""
    return [None if np.isnan(x) else round(x / 10) for x in run.boxes[:, 0]]


def simulated(frames: int, camera: Camera, **settings):
    return track_simulated(Reader(), [video(frames)], [camera], **settings)[0]


@pytest.mark.parametrize(
    "camera, frames, expected",
    [
        (Camera(10, 250), 12, [(1, 3), (3, 6), (6, 8), (8, 11)]),  # 2.5 periods; the answer about frame 11 would count from frame 13 on
        (Camera(10, 100), 5, [(1, 1), (2, 2), (3, 3), (4, 4)]),  # exactly one period
        (Camera(10, 100.001), 6, [(1, 2), (2, 3), (3, 4), (4, 5)]),  # a little more is late by a frame, and sees every one for now
        (Camera(10, 0), 4, [(1, 1), (2, 2), (3, 3)]),
        (Camera(10, 200), 8, [(1, 3), (3, 5), (5, 7)]),  # frame 7 would be answered at the time 9
        (Camera(10, 200.001), 8, [(1, 3), (3, 5), (5, 7)]),  # a real tracker takes a little more
        (Camera(10, 150), 8, [(1, 2), (2, 4), (4, 5), (5, 7)]),  # frame 7 is answered at 8.5
        (Camera(30, 1000 / 30), 4, [(1, 1), (2, 2), (3, 3)]),  # 33.333... ms and 30 fps are a period in spite of rounding
        (Camera(60, 1000 / 60), 4, [(1, 1), (2, 2), (3, 3)]),
        (
            Camera(10, 50, template_ms=320),
            6,
            [(3, 3), (4, 4), (5, 5)],
        ),  # the template: free at 3.2, and the answer about frame 3 is there at 3.7
        (Camera(10, 90, template_ms=320), 6, [(3, 4), (4, 4), (5, 5)]),  # at 4.1 it is late, and then it catches up
        (Camera(10, (9e9, 250, 0, 50, 9e9), 0), 5, [(1, 3), (3, 3)]),  # a latency for each frame; those of frames 0 and 2 are not used
        (Camera(10, 250), 1, []),
        (Camera(10, 250), 2, []),
        (Camera(10, 5000), 12, []),  # no answer in time
    ],
)
def test_which_frames_are_seen_and_from_where_on_they_count(camera, frames, expected):
    assert [(look.frame, look.counts_from) for look in looks(camera, frames)] == expected


def test_a_schedule_that_begins_later_is_the_same_one_moved():
    moved = [(look.frame - 5, look.counts_from - 5) for look in looks(Camera(10, 250, 130), 17, first=5)]
    assert moved == [(look.frame, look.counts_from) for look in looks(Camera(10, 250, 130), 12)]


def test_the_example_of_the_docstring():
    run = simulated(13, Camera(10, 250))
    assert about(run) == [0, 0, 0, 1, 1, 1, 3, 3, 6, 6, 6, 8, 8]
    assert run.shown.tolist() == [0, 1, 3, 6, 8] and run.seconds.tolist() == [0, 0.25, 0.25, 0.25, 0.25]
    assert run.scores.tolist() == [1, 1, 1, 0.01, 0.01, 0.01, 0.03, 0.03, 0.06, 0.06, 0.06, 0.08, 0.08]


@pytest.mark.parametrize("frames", [1, 2])
def test_few_frames(frames):
    run = simulated(frames, Camera(10, 250, 50))
    assert run.boxes.tolist() == [[0, 0, 20, 20]] * frames and run.shown.tolist() == [0] and run.seconds.tolist() == [0.05]


def test_boxes_that_move_on():
    """Velocity is 10 px a frame, so constant velocity makes up for every frame that was not seen, once there are two answers (or a start)."""
    run = simulated(13, Camera(10, 250), motion=constant_velocity)
    assert about(run) == [0, 0, 0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]


@pytest.mark.parametrize(
    "before, last, frame, expected",
    [
        ([10, 0, 20, 20], [16, 2, 20, 24], 5, [22, 2 + 4, 20, 24]),  # the centre moves by (3, 2) px a frame, the size stays
        ([10, 0, 20, 20], [16, 2, 20, 24], 3, [16, 2, 20, 24]),  # the frame of the answer
        ([300, 50, 20, 20], [340, 50, 20, 20], 9, [390, 50, 20, 20]),  # past the edge: 20 px a frame, the centre stops at 400
        ([60, 50, 20, 20], [20, 50, 20, 20], 9, [-10, 50, 20, 20]),
        (NONE, [20, 50, 20, 20], 9, [20, 50, 20, 20]),  # the target was absent before
        ([20, 50, 20, 20], NONE, 9, NONE),  # and is now
    ],
)
def test_constant_velocity(before, last, frame, expected):
    answers = [Seen(1, np.array(before, float)), Seen(3, np.array(last, float))]
    assert np.array_equal(constant_velocity(answers, frame, (400, 100)), expected, equal_nan=True)
    assert constant_velocity(answers[1:], frame, (400, 100)) is answers[1].box


def test_a_target_that_the_tracker_says_is_absent():
    """Frame 3 is answered with no target at 6.0; that counts for frames 6 and 7."""
    (run,) = track_simulated(Reader({3: NONE}), [video(13)], [Camera(10, 250)])
    assert about(run) == [0, 0, 0, 1, 1, 1, None, None, 6, 6, 6, 8, 8]


@pytest.mark.parametrize("motion", MOTIONS.values(), ids=MOTIONS)
def test_a_target_that_is_not_annotated_is_no_failure(motion):
    """Frames without a true box do not count, in the AO as in the decision where to restart."""
    absent = video(9, {t: NONE for t in (3, 4, 5)})
    (run,) = track_simulated(Reader({t: NONE for t in (3, 4, 5)}), [absent], [Camera(10, 100)], motion, restarts=True)
    assert about(run) == [0, 1, 2, None, None, None, 6, 7, 8] and score(run.boxes, absent.boxes).ao == 1


def test_sequences_of_their_own_lengths_and_latencies_are_as_alone():
    cameras = [Camera(10, 250), Camera(10, 100, 320), Camera(20, (0.0, 70.0, 0.0, 90.0) + (20.0,) * 9)]
    videos = [video(13), video(7), video(9)]
    together = track_simulated(Reader(), videos, cameras)
    alone = [track_simulated(Reader(), [one], [camera])[0] for one, camera in zip(videos, cameras, strict=True)]
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one.boxes, other.boxes) and one.shown.tolist() == other.shown.tolist()
    assert [len(run.boxes) for run in together] == [13, 7, 9]


def test_only_frames_that_count_are_looked_at():
    tracker = Reader()
    track_simulated(tracker, [video(13), video(5)], [Camera(10, 250), Camera(10, 100)])
    assert tracker.saw == [[1, 1], [3, 2], [6, 3], [8, 4]]


def test_restarts_take_the_time_of_the_template_and_drop_what_is_worked_on():
    """A frame takes 2 periods and the template 1.5. Frame 1 is answered at 3.5, counts from frame 3 on and has lost the target.

    The restart is 5 frames later, with the true box of frame 8. What was begun at 3.5, about frame 3, is never asked for. The template is done
    at 9.5, frame 9 is answered at 11.5 and counts from frame 11 on, frame 11 at 13.5.
    """
    tracker, wide = Reader({1: [300, 60, 20, 20]}), video(14, {t: [10 * t - 40, 0, 100, 20] for t in range(14)})
    (run,) = track_simulated(tracker, [wide], [Camera(10, 200, 150)], restarts=True)
    assert tracker.given == [([0], [8], [40.0])] and tracker.saw == [[1], [9], [11]]
    assert about(run) == [-4, -4, -4, 30, *[None] * 5, 4, 4, 9, 9, 11]


def test_a_tracker_that_never_answers_in_time_restarts_again_and_again():
    """The target moves 10 px a frame and is 20 wide, so the given box has lost it after two frames."""
    (run,) = track_simulated(Reader(), [video(16)], [Camera(10, 5000)], restarts=True)
    assert about(run) == [0, 0, 0, *[None] * 5, 7, 7, *[None] * 5, 14]


class Corner:
    """Sees the target at a cell of the crop that depends on its pixels, so that it is lost now and then."""

    def run(self, graph, inputs):
        if graph == "template":
            return [inputs["template"].reshape(len(inputs["template"]), -1)[:, :4].astype(np.float32)]
        crops = inputs["search"].reshape(len(inputs["search"]), -1).astype(np.int64)
        cls = np.full((len(crops), 1, 6, 6), -5.0)
        cls[np.arange(len(crops)), 0, 2 + crops.sum(axis=1) % 3, 2 + crops[:, ::7].sum(axis=1) % 3] = 5
        return [cls, np.full((len(crops), 4, 6, 6), 12.0)]


@pytest.fixture(scope="module")
def films():
    return [synthetic_sequence(seed, frames=12) for seed in (1, 2, 3)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("motion", MOTIONS)
def test_who_keeps_up_loses_nothing(films, seed, motion):
    """A property: with any latencies up to a frame period, tracks are those without a camera, bit by bit, with restarts and without."""
    rng = np.random.default_rng(seed)
    fps = float(rng.uniform(1, 240))
    periods = rng.uniform(0, 1, 21) if seed else np.ones(21)
    latencies = tuple(float(each) for each in periods[:20] * 1000 / fps)
    camera = Camera(fps, latencies, float(periods[20] * 1000 / fps))
    tracker = Siamese(Corner(), Reader.settings)
    once = track_simulated(tracker, films, [camera] * 3, motion_named(motion))
    again = track_simulated(tracker, films, [camera] * 3, motion_named(motion), restarts=True)
    assert all(np.array_equal(run.boxes, track) for run, track in zip(once, track_lockstep(tracker, films), strict=True))
    restarted = track_with_restarts(tracker, films)
    assert np.isnan(restarted).any()
    assert all(np.array_equal(run.boxes, track, equal_nan=True) for run, track in zip(again, restarted, strict=True))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Camera(0, 1), "rate must be a number of frames a second above 0, got 0"),
        (lambda: Camera(float("inf"), 1), "above 0, got inf"),
        (lambda: Camera(30, -1), "latency must be a number of milliseconds from 0 on, got -1"),
        (lambda: Camera(30, (1.0, float("nan"))), "got nan"),
        (lambda: Camera(30, 1, float("inf")), "got inf"),
        (lambda: list(looks(Camera(30, (0.0, 1.0)), 3)), "frame 2 has none of 2"),
        (lambda: track_simulated(Reader(), [video(3)], []), "1 sequences and 0 cameras"),
        (lambda: motion_named("drift"), "hold, constant-velocity, got 'drift'"),
        (lambda: track_live(Reader(), video(3), -1), "above 0, got -1"),
        (lambda: track_live(Reader(), video(3, {0: [900, 0, 20, 20]}), 30), "first box must lie in the first image"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


class Clock:
    """Time passes where somebody works or sleeps; a sleep may be too short, as on a real machine."""

    def __init__(self, share=1.0):
        self.time, self.share = 7.0, share

    def now(self):
        return self.time

    def sleep(self, seconds):
        assert seconds > 0
        self.time += max(seconds * self.share, 1e-6)


class SlowToRead(Sequence):
    """A video whose frames take half a second to decode."""

    clock = Clock()

    def image(self, t):
        self.clock.time += 0.5
        return super().image(t)


@pytest.mark.parametrize("share", [1.0, 0.6])
@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("seconds, template_s", [(0.23, 0.0), (0.1, 0.32), (0.0, 0.0), (0.05, 0.09), (5.0, 0.0), (0.2, 0.15)])
def test_real_time_is_what_is_simulated(seconds, template_s, motion, share):
    clock = Clock(share)
    live = track_live(Reader(None, clock, seconds, template_s), video(13), 10, motion_named(motion), clock)
    expected = simulated(13, Camera(10, 1000 * seconds, 1000 * template_s), motion=motion_named(motion))
    assert np.array_equal(live.boxes, expected.boxes) and live.shown.tolist() == expected.shown.tolist()
    assert np.array_equal(live.scores, expected.scores) and np.allclose(live.seconds, expected.seconds)


def test_a_live_run_with_latencies_of_its_own_for_each_frame_is_simulated_from_them():
    times = np.random.default_rng(0).uniform(0, 0.3, 40)
    clock = Clock()
    live = track_live(Reader(None, clock, times), video(40), 10, clock=clock)
    expected = simulated(40, Camera(10, tuple(float(each) for each in 1000 * times)))
    assert 5 < len(live.shown) < 35 and live.shown.tolist() == expected.shown.tolist() and np.array_equal(live.boxes, expected.boxes)


def test_the_camera_stands_still_while_a_frame_is_decoded():
    clock = SlowToRead.clock
    plain = video(13)
    slow = SlowToRead(plain.name, plain.frames, plain.boxes, plain.visible)
    live = track_live(Reader(None, clock, 0.25), slow, 10, clock=clock)
    assert about(live) == [0, 0, 0, 1, 1, 1, 3, 3, 6, 6, 6, 8, 8] and np.allclose(live.seconds, [0, *[0.25] * 4])


@pytest.mark.parametrize("frames", [1, 2])
def test_few_frames_in_real_time(frames):
    clock = Clock()
    run = track_live(Reader(None, clock, 0.25), video(frames), 10, clock=clock)
    assert run.boxes.tolist() == [[0, 0, 20, 20]] * frames and run.shown.tolist() == [0]
