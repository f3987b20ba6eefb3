"""GOT-10k: every rule by hand, and the toolkit's figures."""

import json

import numpy as np
import pytest

from tracking.benchmarks.benchmark import TrackedRun, Truth
from tracking.benchmarks.got10k import GOT_10K

BOX = [10.0, 10, 20, 20]
CASE_A = [[60, 60, 5, 5], BOX, [10, 10, 20, 10], [10, 10, 20, 15], [50, 50, 20, 20]]


def run(boxes, name: str = "a", repeat: int = 1) -> TrackedRun:
    return TrackedRun(name, np.array(boxes, float), np.array([1, *[0] * (len(boxes) - 1)], np.int8), repeat)


def figures(truth: Truth, *runs: TrackedRun) -> dict[str, float]:
    return GOT_10K.score({truth.name: truth}, runs).figures


def test_case_a():
    """The first frame does not count; overlaps 1, .5, .75 and 0, of which one exceeds .75 and two exceed .5."""
    truth = Truth("a", np.array([BOX] * 5), size=(100, 100))
    assert figures(truth, run(CASE_A)) == pytest.approx({"ao": 0.5625, "sr50": 0.5, "sr75": 0.25})


def test_frames_that_are_covered_wholly_count_nowhere():
    truth = Truth("a", np.array([BOX] * 5), absent=np.array([False, False, False, False, True]))
    assert figures(truth, run(CASE_A))["ao"] == pytest.approx((1 + 0.5 + 0.75) / 3)


def test_all_frames_of_all_sequences_and_repetitions_are_taken_together():
    """Sequence a: 4 frames of overlap 1 in the first run, 4 of 0 in the second; b: one frame of overlap 0."""
    truths = {"a": Truth("a", np.array([BOX] * 5)), "b": Truth("b", np.array([BOX] * 2))}
    away = [[60, 60, 5, 5]] * 5
    scored = GOT_10K.score(truths, [run([BOX] * 5), run(away, repeat=2), run(away[:2], "b")])
    assert scored.figures["ao"] == pytest.approx(4 / 9) and scored.sequences["a"]["ao"] == 0.5


def test_boxes_are_bounded_by_the_image_as_the_toolkit_does():
    """A box of 20 that begins at x = -10 is moved to 0, and its width stays 20; what sticks out on the right is cut."""
    truth = Truth("a", np.array([[0.0, 0, 20, 20]] * 2), size=(100, 100))
    assert figures(truth, run([BOX, [-10, 0, 20, 20]]))["ao"] == 1
    right = Truth("a", np.array([[90.0, 0, 10, 20]] * 2), size=(100, 100))
    assert figures(right, run([BOX, [90, 0, 40, 20]]))["ao"] == 1


def test_a_box_that_is_missing_is_an_overlap_of_0():
    assert figures(Truth("a", np.array([BOX] * 3)), run([BOX, BOX, [np.nan] * 4]))["ao"] == 0.5


def test_the_success_curve_has_101_thresholds():
    curve = GOT_10K.score({"a": Truth("a", np.array([BOX] * 5))}, [run(CASE_A)]).curves["success"]
    assert curve.shape == (2, 101) and curve[1, [0, 49, 50, 74, 75, 99, 100]].tolist() == [0.75, 0.75, 0.5, 0.5, 0.25, 0.25, 0]


def test_own_folder(tmp_path, capsys):
    folder = tmp_path / "val/s1"
    folder.mkdir(parents=True)
    (tmp_path / "val/list.txt").write_text("s1\n")
    (folder / "groundtruth.txt").write_text("10,10,20,20\n" * 3)
    (folder / "absence.label").write_text("0\n0\n1\n")
    truth = GOT_10K.read_annotations(tmp_path)["s1"]
    assert truth.absent.tolist() == [False, False, True] and truth.size is None
    assert "sizes of images are not known" in capsys.readouterr().err
    (folder / "cover.label").write_text("8\n0\n5\n")
    (folder / "meta_info.ini").write_text("[METAINFO]\nurl: none\nresolution: (1920, 1080)\n")
    truth = GOT_10K.read_annotations(tmp_path / "val")["s1"]
    assert truth.absent.tolist() == [False, True, False] and truth.size == (1920, 1080)
    (folder / "cover.label").write_text("8\n0\n")
    with pytest.raises(ValueError, match="in each of 3 frames, it has 2 lines"):
        GOT_10K.read_annotations(tmp_path)


@pytest.mark.parity
def test_figures_of_the_toolkit(shared):
    case = shared / "benchmarks/got10k_tiny/A"
    truths = GOT_10K.read_annotations(case / "val")
    scored = GOT_10K.score(truths, GOT_10K.read_results(case / "results/GOT-10k/tiny", truths))
    overall = json.loads((case / "reports/GOT-10k/tiny/performance.json").read_text())["tiny"]["overall"]
    assert scored.figures == pytest.approx({"ao": overall["ao"], "sr50": overall["sr"], "sr75": 0.25}, abs=1e-6)
    assert scored.curves["success"][1].tolist() == pytest.approx(overall["succ_curve"], abs=1e-6)
