import cv2
import numpy as np
import pytest

from tracking.canvas import canvas, paint
from tracking.trackers.procedure import TrackResult

IMAGE = np.zeros((48, 64, 3), np.uint8)


def result(doubtful=False):
    return TrackResult(np.array([20.0, 24, 10, 12]), 0.5, doubtful)


def test_the_box_is_green_and_red_where_doubtful():
    assert paint(IMAGE, result(), None)[24, 25].argmax() == 1
    assert paint(IMAGE, result(doubtful=True), None)[24, 25].argmax() == 2  # OpenCV's order: blue, green, red
    assert not IMAGE.any()


def test_truth_is_white_and_may_be_missing():
    assert (paint(IMAGE, result(), np.array([40.0, 30, 10, 10]))[30, 45] > 200).all()
    paint(IMAGE, result(), np.full(4, np.nan))


def test_a_video_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "v.mp4"
    with canvas(path, show=False) as draw:
        for _ in range(3):
            assert draw(IMAGE, result(), None)
        assert not path.exists()
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == 3
    with pytest.raises(KeyError), canvas(tmp_path / "w.mp4", show=False) as draw:
        draw(IMAGE, result(), None)
        raise KeyError
    assert [child.name for child in tmp_path.iterdir()] == ["deep"]
