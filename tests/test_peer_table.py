import json

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.peer_trackers import PEERS, Peer
from benchmarks.peer_trackers.alone import alone, clips, figures
from benchmarks.peer_trackers.opencv import OpenCVTracker, opencv
from benchmarks.peer_trackers.openvino import PublicGraphs, lighttrack_openvino
from benchmarks.record import Record
from tracking.boxes import iou
from tracking.generated.synthetic import synthetic_sequence
from tracking.sequence import Sequence, load_sequence, save_sequence
from tracking.trackers.procedure import follow


class Scripted:
    """An object like OpenCV's, which says the same box in every frame, moved by the brightness of the image, or fails in dark ones."""

    def init(self, image, box):
        self.box = box

    def update(self, image):
        x, y, w, h = self.box
        return image[0, 0, 0] > 0, (x + int(image[0, 0, 0]) - 1, y, w, h)


def film(moves, name="film"):
    """A clip whose target, 10 px wide and high, has moved to the right by some pixels in each frame."""
    images = tuple(np.full((40, 40, 3), 1 + move, np.uint8) for move in moves)
    return Sequence(name, images, np.array([[5.0 + move, 5, 10, 10] for move in moves]), np.ones(len(moves), bool))


def test_a_tracker_that_is_right_has_every_figure():
    row = figures(OpenCVTracker(Scripted), [film([0, 1, 2, 3]), film([0, 0, 0], "still")], rates=(200,))
    assert row["ao"] == row["ao_200_simulated"] == 1 and row["precision"] == 1 and row["success"] == pytest.approx(20 / 21)
    assert 0 <= row["ms"] <= row["ms_p95"] and list(row["sequences"]) == ["film", "still"] and 0 <= row["ao_200"] <= 1


def test_figures_are_means_over_sequences():
    wrong = Sequence("wrong", film([0, 0, 0]).frames, np.array([[5.0, 5, 10, 10], [25, 25, 10, 10], [25, 25, 10, 10]]), np.ones(3, bool))
    row = figures(OpenCVTracker(Scripted), [film([0, 1, 2, 3]), wrong], rates=())
    assert row["ao"] == 0.5 and row["precision"] == pytest.approx((1 + 1 / 3) / 2)


def test_each_target_has_an_object_of_its_own():
    tracker = OpenCVTracker(Scripted)
    images = [np.full((40, 40, 3), level, np.uint8) for level in (1, 3, 0)]
    first = np.array([[1.0, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]])
    state, boxes, scores = tracker.step(images, tracker.start(images, first))
    assert boxes.tolist() == [[1, 2, 3, 4], [7, 6, 7, 8], [9, 10, 11, 12]] and scores.tolist() == [1, 1, 0]  # the last one holds its box
    state = tracker.select(state, np.array([2, 1]))
    state = tracker.restart([images[0]], np.array([[20.0, 20, 5, 5]]), state, np.array([0]))
    assert tracker.step([images[1], images[1]], state)[1].tolist() == [[22, 20, 5, 5], [7, 6, 7, 8]]


def test_opencv_sees_blue_first_and_follows_a_target():
    seen = []

    class Noting(Scripted):
        def init(self, image, box):
            seen.append((image[0, 0].tolist(), box))

    image = np.zeros((8, 8, 3), np.uint8)
    image[..., 0] = 200  # red
    OpenCVTracker(Noting).start([image], np.array([[1.4, 1.6, 3, 3]]))
    assert seen == [([0, 0, 200], [1, 2, 3, 3])]
    clip = synthetic_sequence(1, 3)
    boxes = [result.box for _, result, _ in follow(opencv("TrackerMIL"), map(clip.image, range(3)), clip.boxes[0])]
    assert iou(np.array(boxes), clip.boxes).min() > 0.3


def test_public_graphs_take_blue_first_and_give_logits():
    def template(crop):
        return crop[:, :1, :1, 0].astype(np.float32)  # the blue one

    graphs = PublicGraphs(template, template, lambda kept, seen: (kept[0] / (kept[0] + seen[0]), np.full((4, 1, 1), seen[0])))
    crops = np.zeros((2, 2, 2, 3), np.uint8)
    crops[:, ..., 2] = np.array([1, 3])[:, None, None]
    (kept,) = graphs.run("template", {"template": crops})
    assert kept.ravel().tolist() == [1, 3]
    cls, reg = graphs.run("search", {"search": crops[::-1], "template_features": kept})
    assert cls.shape == (2, 1, 1, 1) and reg.shape == (2, 4, 1, 1) and reg[:, 0, 0, 0].tolist() == [3, 1]
    assert 1 / (1 + np.exp(-cls.ravel())) == pytest.approx([1 / 4, 3 / 4])


@pytest.fixture
def folder(tmp_path):
    save_sequence(synthetic_sequence(1, 5), tmp_path / "sequences/a")
    return tmp_path


def test_what_is_missing_has_a_row_with_the_reason(folder):
    sequences = clips(folder / "sequences", 3)
    assert [len(clip) for clip in sequences] == [3]
    assert alone("VitTrack", folder, sequences) == {"note": "its file object_tracking_vittrack_2023sep.onnx is missing"}
    for name in ("NanoTrack V2", "LightTrack-Mobile, public graphs"):
        assert "is missing" in alone(name, folder, sequences)["note"]
    with pytest.raises(ValueError, match="OpenCV .* has no TrackerThatNobodyMade"):
        opencv("TrackerThatNobodyMade")


def test_a_network_that_does_not_run_has_a_row_with_the_reason(folder, monkeypatch):
    class Broken(Scripted):
        def update(self, image):
            raise RuntimeError("sizes | differ\nat all")

    monkeypatch.setitem(PEERS, "broken", Peer("OpenCV", (), lambda: OpenCVTracker(Broken)))
    assert alone("broken", folder, clips(folder / "sequences", None)) == {"note": "sizes / differ at all"}


def test_a_process_says_what_is_missing(folder):
    assert "vittrack" in peers.figures_of("VitTrack", folder / "sequences", folder, 3)["note"]
    assert peers.figures_of(None, folder, folder, None) == {"note": "its file lighttrack_mobile.pth is missing"}


def test_rows_with_figures_stay_and_others_are_tried_again(folder, monkeypatch):
    asked, known = [], {"a": {"ao": 0.5, "ms": 2.0, "note": None}}

    def measured(tracker, *_):
        asked.append(tracker)
        return known.get(tracker, {"note": "its file is missing"})

    monkeypatch.setattr(peers, "figures_of", measured)
    found = {name: (name.upper(), "OpenCV", name) for name in ("a", "b")}
    for _ in range(2):
        record = Record(folder / "peers.json", "peers.py", {"threads": 1})
        peers.fill(record, found, folder, folder, None)
    assert asked == ["a", "b", "b"]
    assert "| A | OpenCV | 0.500 |" in peers.show(record.rows) and "| its file is missing |" in peers.show(record.rows)
    known["b"] = {"ao": 0.25, "note": None}
    peers.fill(Record(folder / "peers.json", "peers.py", {"threads": 1}), found, folder, folder, None)
    assert json.loads((folder / "peers.json").read_text())["rows"]["b"]["ao"] == 0.25


@pytest.mark.parity
def test_the_public_graphs_track_as_the_public_tracker_does(shared):
    clip, frames = load_sequence(shared / "sequences/otb_Man"), 12
    tracker = lighttrack_openvino(shared / "weights/lighttrack_mobile_openvino")
    boxes = [result.box for _, result, _ in follow(tracker, map(clip.image, range(frames)), clip.boxes[0])]
    assert iou(np.array(boxes), np.load(shared / "golden/lighttrack_mobile_tracks.npz")["otb_Man"][:frames]).mean() >= 0.9
