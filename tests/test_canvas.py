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


def test_the_box_of_a_lost_target_is_thin_and_grey_and_its_score_says_so():
    lost = TrackResult(np.array([20.0, 24, 10, 12]), 0.5, True, lost=True)
    pixel = paint(IMAGE, lost, None)[24, 25]
    assert pixel[0] == pixel[1] == pixel[2] > 100 and (paint(IMAGE, lost, None)[25, 25] == 0).all()
    wide = np.zeros((48, 200, 3), np.uint8)
    assert paint(wide, lost, None)[:22, 90:].any() and not paint(wide, result(doubtful=True), None)[:22, 90:].any()


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


@pytest.mark.parametrize("name, code", [("v.mp4", "FMP4"), ("v.avi", "MJPG"), ("v.mkv", "MJPG"), ("V.MOV", "FMP4")])
def test_a_video_has_the_rate_and_the_kind_that_are_asked_for(tmp_path, name, code):
    with canvas(tmp_path / name, show=False, rate=12.5) as draw:
        for _ in range(4):
            draw(IMAGE, result(), None)
    film = cv2.VideoCapture(str(tmp_path / name))
    assert film.get(cv2.CAP_PROP_FPS) == 12.5
    assert int(film.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode() == code
    film.release()


def test_a_name_of_no_video_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must end in one of .mp4"), canvas(tmp_path / "v.gif", show=False):
        pass
    assert not list(tmp_path.iterdir())


def test_frames_of_other_sizes_are_fitted_in(tmp_path):
    """The library behind it drops them in silence."""
    white = np.full((96, 32, 3), 255, np.uint8)  # as high as two of the others, and half as wide
    with canvas(tmp_path / "v.avi", show=False) as draw:
        for image in (IMAGE, white, IMAGE):
            draw(image, result(), None)
    film = cv2.VideoCapture(str(tmp_path / "v.avi"))
    frames = [film.read()[1] for _ in range(3)]
    film.release()
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 3
    columns = frames[1][20:].mean(axis=(0, 2))
    assert columns[:20].max() < 60 and columns[27:37].min() > 180 and columns[44:].max() < 60


def test_a_video_that_could_not_be_written_whole_is_no_success(tmp_path, monkeypatch):
    class Full:
        """A writer on a disk that is full."""

        def __init__(self, path, *_):
            self.path = path

        def isOpened(self):
            return True

        def write(self, frame):
            open(self.path, "w").close()

        def release(self):
            pass

    monkeypatch.setattr("tracking.canvas.cv2.VideoWriter", Full)
    Full.fourcc = lambda *_: 0
    with pytest.raises(OSError, match="0 of 1 frames; check free space"), canvas(tmp_path / "v.mp4", show=False) as draw:
        draw(IMAGE, result(), None)
    assert not list(tmp_path.iterdir())
