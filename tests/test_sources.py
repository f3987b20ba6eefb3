import numpy as np
import pytest

from tracking.images import cv2, write_image
from tracking.sequence import Sequence, save_sequence
from tracking.sources import open_source

FRAMES = tuple(np.full((32, 48, 3), (40 * t, 0, 100), np.uint8) for t in range(4))


def test_sequence_folder(tmp_path):
    boxes = np.tile([1.0, 2, 3, 4], (4, 1))
    save_sequence(Sequence("a", FRAMES, boxes, np.ones(4, bool)), tmp_path / "a")
    source = open_source(str(tmp_path / "a"))
    assert (source.name, source.count) == ("a", 4)
    np.testing.assert_array_equal(source.first_box, [1, 2, 3, 4])
    for _ in range(2):  # each call starts anew
        np.testing.assert_allclose(np.stack(list(source.frames())), FRAMES, atol=4)


def test_first_box_may_be_missing(tmp_path):
    save_sequence(Sequence("a", FRAMES, np.full((4, 4), np.nan), np.zeros(4, bool)), tmp_path / "a")
    assert open_source(str(tmp_path / "a")).first_box is None


def test_image_folder(tmp_path):
    for t, frame in enumerate(FRAMES):
        write_image(tmp_path / f"{t}.png", frame)
    source = open_source(str(tmp_path))
    assert (source.count, source.boxes, source.first_box) == (4, None, None)
    np.testing.assert_array_equal(np.stack(list(source.frames())), FRAMES)


def test_video(tmp_path):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (48, 32))
    for frame in FRAMES:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    source = open_source(str(path))
    assert (source.name, source.count, source.first_box) == ("clip", 4, None)
    np.testing.assert_allclose(np.stack(list(source.frames())), FRAMES, atol=12)


def test_refusals(tmp_path, capfd):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_source(str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty"):
        open_source(str(tmp_path / "empty"))
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    with pytest.raises(ValueError, match=r"bad\.mp4"):
        open_source(str(tmp_path / "bad.mp4"))
    (tmp_path / "empty" / "1.jpg").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"1\.jpg"):
        open_source(str(tmp_path / "empty"))
    with pytest.raises(ValueError, match="number 99"):
        open_source("99")
    assert capfd.readouterr().err == ""
