import json

import numpy as np
import pytest

from tracking.datasets import DATASETS
from tracking.images import write_image
from tracking.sequence import Sequence, find_sequences, fingerprint, load_sequence, save_sequence

BOXES = "1,2,3,4\n5,6,7,8\nnan,nan,nan,nan\n"


def make_folder(folder, frames=3, images="img", annotation="groundtruth.txt", boxes=BOXES, numbers=None):
    (folder / images).mkdir(parents=True)
    for number in numbers or range(1, frames + 1):
        write_image(folder / images / f"{number}.jpg", np.full((8, 10, 3), number % 256, np.uint8))
    (folder / annotation).write_text(boxes)
    return folder


def test_load(tmp_path):
    sequence = load_sequence(make_folder(tmp_path / "a"))
    assert (sequence.name, len(sequence)) == ("a", 3)
    np.testing.assert_array_equal(sequence.boxes[:2], [[1, 2, 3, 4], [5, 6, 7, 8]])
    np.testing.assert_array_equal(sequence.visible, [True, True, False])
    np.testing.assert_allclose(sequence.image(1), 2, atol=1)


def test_frames_in_natural_order(tmp_path):
    sequence = load_sequence(make_folder(tmp_path / "a", numbers=(10, 9, 100)))
    assert [path.stem for path in sequence.frames] == ["9", "10", "100"]


@pytest.mark.parametrize(
    "annotation, meta, first",
    [
        ("groundtruth.txt", None, [1, 2]),
        ("groundtruth.txt", {"origin": 1}, [0, 1]),
        ("groundtruth.txt", {"origin": 0}, [1, 2]),
        ("groundtruth_rect.txt", None, [0, 1]),  # OTB counts from 1
        ("groundtruth_rect.txt", {"origin": 0}, [1, 2]),
    ],
)
def test_origin(tmp_path, annotation, meta, first):
    folder = make_folder(tmp_path / "a", annotation=annotation)
    if meta is not None:
        (folder / "meta.json").write_text(json.dumps(meta))
    np.testing.assert_array_equal(load_sequence(folder).boxes[0], [*first, 3, 4])


def test_vot_folder(tmp_path):
    assert len(load_sequence(make_folder(tmp_path / "a", images="color"))) == 3


def test_only_first_box(tmp_path):
    sequence = load_sequence(make_folder(tmp_path / "a", boxes="1,2,3,4\n"))
    np.testing.assert_array_equal(sequence.visible, [True, False, False])
    assert sequence.boxes.shape == (3, 4)


def test_more_boxes_than_frames(tmp_path):
    sequence = load_sequence(make_folder(tmp_path / "a", numbers=(1, 3)))
    np.testing.assert_array_equal(sequence.boxes, [[1, 2, 3, 4], [np.nan] * 4])
    assert "number 2" in sequence.notes[0]


def test_shares_of_the_image_are_no_pixels(tmp_path):
    with pytest.raises(ValueError, match="must be in pixels"):
        load_sequence(make_folder(tmp_path / "a", boxes="0.1,0.2,0.3,0.4\n" * 3))


@pytest.mark.parametrize(
    "marks, absent",
    [
        ({"full_occlusion.txt": "0,1,0\n", "out_of_view.txt": "0,0,1"}, [False, True, True]),
        ({"full_occlusion.txt": "1,0,0"}, [True, False, False]),
        ({"absence.label": "0\n0\n1\n"}, [False, False, True]),
        ({"absence.label": "0\r\n0\r\n0\r\n"}, [False, False, False]),
    ],
)
def test_frames_without_the_target(tmp_path, marks, absent):
    """LaSOT counts from 1 and marks in a line, GOT-10k in a column; what stands in the file of boxes then means nothing."""
    folder = make_folder(tmp_path / "a", boxes="5,6,7,8\n" * 3)
    for name, text in marks.items():
        (folder / name).write_text(text)
    sequence = load_sequence(folder)
    first = [5, 6, 7, 8] if "absence.label" in marks else [4, 5, 7, 8]
    np.testing.assert_array_equal(sequence.boxes, [[np.nan] * 4 if each else first for each in absent])
    assert f"{sum(absent)} frames" in sequence.notes[0]


@pytest.mark.parametrize("text", ["0,1", "0,1,2", "", "a,b,c", "0,1,0,0"])
def test_marks_that_do_not_fit_are_refused(tmp_path, text):
    folder = make_folder(tmp_path / "a")
    (folder / "out_of_view.txt").write_text(text)
    with pytest.raises(ValueError, match="out_of_view.txt must hold 0 or 1 for each of the 3"):
        load_sequence(folder)


def test_a_fingerprint_changes_with_the_content(tmp_path):
    folder = make_folder(tmp_path / "a")
    before = fingerprint(load_sequence(folder))
    assert fingerprint(load_sequence(folder)) == before
    write_image(folder / "img/2.jpg", np.zeros((8, 12, 3), np.uint8))
    after = fingerprint(load_sequence(folder))
    (folder / "groundtruth.txt").write_text(BOXES.replace("5", "6"))
    assert len({before, after, fingerprint(load_sequence(folder))}) == 3
    made = Sequence("a", (np.zeros((2, 2, 3), np.uint8),), np.ones((1, 4)), np.ones(1, bool))
    assert fingerprint(made) != fingerprint(Sequence("a", (np.ones((2, 2, 3), np.uint8),), np.ones((1, 4)), np.ones(1, bool)))


def test_fewer_boxes_than_frames(tmp_path):
    with pytest.raises(ValueError, match="3 boxes for 4 frames in .*groundtruth.txt"):
        load_sequence(make_folder(tmp_path / "a", frames=4))


def test_zero_size_is_not_visible(tmp_path):
    assert not load_sequence(make_folder(tmp_path / "a", frames=1, boxes="1,2,0,4\n")).visible[0]


@pytest.mark.parametrize("meta", ['{"origin": 2}', "[]", "{"])
def test_bad_meta(tmp_path, meta):
    folder = make_folder(tmp_path / "a")
    (folder / "meta.json").write_text(meta)
    with pytest.raises(ValueError, match=r"meta\.json"):
        load_sequence(folder)


def test_missing_things(tmp_path):
    with pytest.raises(FileNotFoundError, match="must be a folder"):
        load_sequence(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="groundtruth"):
        load_sequence(tmp_path)
    (tmp_path / "groundtruth.txt").write_text(BOXES)
    with pytest.raises(FileNotFoundError, match="no image"):
        load_sequence(tmp_path)


def test_round_trip(tmp_path):
    frames = tuple(np.full((16, 20, 3), 40 * t, np.uint8) for t in range(3))
    boxes = np.array([[1, 2, 3, 4.5], [2, 2, 3, 4], [np.nan] * 4])
    save_sequence(Sequence("a", frames, boxes, np.array([True, True, False])), tmp_path / "b")
    back = load_sequence(tmp_path / "b")
    np.testing.assert_array_equal(back.boxes, boxes)
    np.testing.assert_allclose(back.image(2), frames[2], atol=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b"]


def test_load_all(tmp_path):
    for name in ("s10", "s9", "deep/s1"):
        make_folder(tmp_path / name)
    assert [sequence.name for sequence in DATASETS["folder"](tmp_path).sequences] == ["s1", "s9", "s10"]
    assert [sequence.name for sequence in DATASETS["folder"](tmp_path / "s9").sequences] == ["s9"]


def test_links_are_followed(tmp_path):
    make_folder(tmp_path / "elsewhere/s1")
    make_folder(tmp_path / "set/s2")
    (tmp_path / "set/linked").symlink_to(tmp_path / "elsewhere/s1")
    (tmp_path / "set/more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set/loop").symlink_to(tmp_path / "set")
    (tmp_path / "set/broken").symlink_to(tmp_path / "nowhere")
    assert [sequence.name for sequence in DATASETS["folder"](tmp_path / "set").sequences] == ["linked", "s1", "s2"]
    assert list(find_sequences(tmp_path / "nowhere")) == []


def test_one_sequence_that_cannot_be_read_does_not_refuse_the_others(tmp_path):
    make_folder(tmp_path / "good")
    make_folder(tmp_path / "bad", frames=4)
    data = DATASETS["folder"](tmp_path)
    assert [sequence.name for sequence in data.sequences] == ["good"]
    ((name, reason),) = data.left_out.items()
    assert name == str(tmp_path / "bad") and "3 boxes for 4 frames" in reason
    assert data.words == [f"left out: {name}: {reason}"]
    with pytest.raises(ValueError, match="3 boxes for 4 frames"):
        DATASETS["folder"](tmp_path / "bad")
    for i in range(9):
        make_folder(tmp_path / f"bad{i}", frames=4)
    words = DATASETS["folder"](tmp_path).words
    assert len(words) == 6 and words[-1] == "and 5 more sequences left out"


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_every_dataset_refuses_empty_and_missing_roots(tmp_path, name):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(FileNotFoundError, match="check the path|docs/extending.md") as caught:
            DATASETS[name](root)
        assert str(root) in str(caught.value)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_every_dataset_reads_otb_folders(tmp_path, name):
    make_folder(tmp_path / "Car1", annotation="groundtruth_rect.txt", boxes=BOXES.replace(",", "\t"))
    (sequence,) = DATASETS[name](str(tmp_path)).sequences
    assert (sequence.name, len(sequence)) == ("Car1", 3)
    np.testing.assert_array_equal(sequence.boxes[0], [0, 1, 3, 4])


def test_otb_two_targets(tmp_path):
    folder = make_folder(tmp_path / "Jogging", annotation="groundtruth_rect.1.txt")
    (folder / "groundtruth_rect.2.txt").write_text(BOXES.replace("1,2", "2,3"))
    one, two = DATASETS["otb"](tmp_path).sequences
    assert (one.name, two.name) == ("Jogging.1", "Jogging.2")
    np.testing.assert_array_equal([one.boxes[0, 0], two.boxes[0, 0]], [0, 1])


def test_otb_published_range(tmp_path):
    make_folder(tmp_path / "David", annotation="groundtruth_rect.txt", numbers=range(298, 303))
    (sequence,) = DATASETS["otb"](tmp_path).sequences
    assert [path.stem for path in sequence.frames] == ["300", "301", "302"]
