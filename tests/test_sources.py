import numpy as np
import pytest
from PIL import Image

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


def film(path, code="MJPG", rate=25, frames=FRAMES):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), rate, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def decoded(path):
    """How many frames a film says, gives and loses."""
    source = open_source(str(path))
    given = sum(1 for _ in source.frames())
    return source.count, given, source.lost()


def test_video(tmp_path):
    path = film(tmp_path / "clip.avi")
    source = open_source(str(path))
    assert (source.name, source.count, source.first_box) == ("clip", 4, None)
    np.testing.assert_allclose(np.stack(list(source.frames())), FRAMES, atol=12)


def noise(count):
    rng = np.random.default_rng(0)
    return tuple(rng.integers(0, 256, (32, 48, 3)).astype(np.uint8) for _ in range(count))


@pytest.mark.parametrize("rate", [10, 29.97, 60])
def test_a_film_has_its_rate(tmp_path, rate):
    assert open_source(str(film(tmp_path / "clip.mp4", "mp4v", rate))).rate == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize("name, code", [("clip.avi", "MJPG"), ("clip.mkv", "MJPG"), ("clip.mp4", "mp4v")])
def test_a_whole_film_loses_nothing(tmp_path, name, code):
    assert decoded(film(tmp_path / name, code, frames=noise(12))) == (12, 12, [])


@pytest.mark.parametrize("name", ["clip.avi", "clip.mkv"])
def test_a_film_that_is_cut_loses_its_end(tmp_path, name):
    path = film(tmp_path / name, frames=noise(12))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    count, given, lost = decoded(path)
    assert count == 12 and 2 < given < 10 and lost == list(range(given, 12))


def test_damage_in_the_middle_is_found_by_the_index(tmp_path):
    """AVI has no times: a decoder goes on after damage as if nothing were missing."""
    path = film(tmp_path / "clip.avi", frames=noise(12))
    content = bytearray(path.read_bytes())
    fifth = [at for at in range(content.find(b"movi"), len(content)) if content[at : at + 4] == b"00dc"][4]
    content[fifth : fifth + 8] = b"\xff" * 8
    path.write_bytes(content)
    assert decoded(path) == (12, 11, [4])


def test_damage_in_the_middle_is_found_by_the_times(tmp_path):
    path = film(tmp_path / "clip.mkv", frames=noise(12))
    content = bytearray(path.read_bytes())
    starts = [at for at in range(len(content)) if content[at : at + 3] == b"\xff\xd8\xff"]  # of JPEG
    content[starts[5] : starts[6] - 40] = bytes(starts[6] - 40 - starts[5])
    path.write_bytes(content)
    assert decoded(path) == (12, 11, [5])


def test_the_film_goes_on_after_a_frame_that_cannot_be_decoded(tmp_path):
    path = film(tmp_path / "clip.mp4", "mp4v", frames=noise(40))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(content)
    count, given, lost = decoded(path)
    assert count == 40 and given + len(lost) == 40 and given > 30
    assert not lost or max(lost) < 39


def test_an_image_that_is_turned_is_said(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(FRAMES[0]).save(tmp_path / "1.jpg", exif=exif)
    source = open_source(str(tmp_path))
    assert next(source.frames()).shape == (48, 32, 3) and "EXIF" in source.notes[0]
    Image.fromarray(FRAMES[0]).save(tmp_path / "1.jpg")
    assert open_source(str(tmp_path)).notes == ()


def test_a_linked_folder_keeps_its_name(tmp_path):
    (tmp_path / "real").mkdir()
    write_image(tmp_path / "real/1.png", FRAMES[0])
    (tmp_path / "link").symlink_to("real")
    assert open_source(str(tmp_path / "link")).name == "link"


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
