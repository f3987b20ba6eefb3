"""VOT with and without restarts: every rule by hand, and the toolkit's figures of public results."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tracking.benchmarks import BENCHMARKS
from tracking.benchmarks.benchmark import State, TrackedRun, Truth
from tracking.benchmarks.measures.figures import Figure
from tracking.benchmarks.reading.rows import parse_rows
from tracking.benchmarks.vot.fragments import expected_overlap, fragments
from tracking.benchmarks.vot.overlaps import overlaps_of
from tracking.benchmarks.vot.results import run_of_rows
from tracking.benchmarks.vot.supervised import Supervised
from tracking.benchmarks.vot.unsupervised import VOT_UNSUPERVISED
from tracking.benchmarks.vot.vot2016 import VOT2016
from tracking.benchmarks.vot.vot2018 import VOT2018
from tracking.benchmarks.vot.vot2019 import VOT2019

BOX = [10.0, 10, 20, 20]
HALF = [10.0, 10, 20, 9.5]  # 21 x 11 of 21 x 21 pixels: 9.5 below 10 is 19.5, which is rounded to 20
WHOLE, PART = 1.0, 11 / 21


def truth(frames: int, name: str = "a", **more) -> Truth:
    return Truth(name, np.tile(BOX, (frames, 1)), **more)


def run(states: str, name: str = "a", box=BOX, repeat: int = 1) -> TrackedRun:
    """A run of the states of its frames: 1 started, 2 failed, 0 not running, . tracked."""
    of = {"1": State.INITIALISED, "2": State.FAILED, "0": State.SKIPPED, ".": State.TRACKED}
    codes = np.array([of[mark] for mark in states], np.int8)
    return TrackedRun(name, np.where((codes == State.TRACKED)[:, None], box, np.nan), codes, repeat)


def test_constants_of_the_years():
    assert (VOT2019.low, VOT2019.high, VOT2019.restarts, VOT2019.repeats) == (46, 291, 5, 15)
    assert (VOT2018.low, VOT2018.high, VOT2018.restarts, VOT2018.repeats) == (100, 356, 5, 15)
    assert (VOT2016.low, VOT2016.high) == (108, 371)


def cut(overlaps: list[float], failures: list[int], length: int = 20):
    return [(part.tolist(), where.start, where.stop) for part, where, _ in fragments(np.array(overlaps), failures, length)]


def test_a_run_without_failures_is_one_fragment():
    nan = float("nan")
    [(part, start, stop)] = cut([nan, 1, 1], [])
    assert np.isnan(part[0]) and part[1:] == [1, 1] and (start, stop) == (0, 3)  # neither filled up nor changed


def test_a_failure_ends_a_fragment_that_is_filled_up():
    """Started in 0, tracked in 1 and 2, failed in 3, started again in 8 (failure + 5), tracked to 10."""
    nan = float("nan")
    overlaps = [nan, 0.5, 0.5, nan, nan, nan, nan, nan, nan, 1, 1]
    first, last = cut(overlaps, [3], length=20)
    assert first[0] == [0, 0.5, 0.5, *[0] * 17] and first[1:] == (0, 9)  # the frame of the restart belongs to it, unknown ones are 0
    assert last[0] == [0, 1, 1] and last[1:] == (8, 11)  # not filled up: it leaves the mean after its end


def test_a_failure_in_the_last_four_frames_makes_no_cut():
    nan = float("nan")
    [(part, _, _)] = cut([nan, 1, 1, nan, nan], [3])
    assert part == [0, 1, 1, 0, 0]  # one fragment, not filled up


def test_a_failure_five_frames_before_the_end_leaves_an_empty_fragment():
    nan = float("nan")
    first, last = cut([nan, 1, nan, nan, nan, nan, nan], [2], length=9)
    assert first[0] == [0, 1, *[0] * 7] and last[0] == []


def curve(runs, frames: int, length: int, tag=None) -> list[float]:
    above, below = expected_overlap(runs, frames, tag, length)
    return Figure(above[None], below[None]).curve().tolist()


def test_the_curve_averages_fragments_that_reach_a_length():
    """The fragments of above, filled up to 20: value at i is the mean over fragments of their means in frames 1 to i."""
    nan = float("nan")
    overlaps, states = np.array([nan, 0.5, 0.5, *[nan] * 6, 1, 1]), np.array([1, 0, 0, 2, 3, 3, 3, 3, 1, 0, 0])
    found = curve([(overlaps, states)], 11, 20)
    assert found[1] == pytest.approx((0.5 + 1) / 2) and found[2] == pytest.approx((0.5 + 1) / 2)
    assert found[3] == pytest.approx(1 / 3) and found[4] == pytest.approx(1 / 4)  # the first fragment alone
    assert found[19] == pytest.approx(1 / 19)


def test_an_attribute_weighs_fragments_by_its_share_of_frames():
    """It holds in frames 0 to 3 of 11: in 4 of the 9 frames of the first fragment, and in none of the last."""
    nan = float("nan")
    overlaps, states = np.array([nan, 0.5, 0.5, *[nan] * 6, 1, 1]), np.array([1, 0, 0, 2, 3, 3, 3, 3, 1, 0, 0])
    above, below = expected_overlap([(overlaps, states)], 11, np.arange(11) < 4, 20)
    assert (above[1], below[1]) == (pytest.approx(0.5 * 4 / 9), pytest.approx(4 / 9))


def test_eao_is_the_mean_of_the_curve_between_its_bounds():
    """One run of 8 frames without failures, overlap 1, then 11/21 from frame 4: the curve is 1, 1, 1, 1, ... ."""
    benchmark = Supervised("test", low=3, high=5)  # index 2, 3 and 4
    boxes = np.array([[np.nan] * 4, *[BOX] * 3, *[HALF] * 4])
    states = np.array([1, *[0] * 7], np.int8)
    scored = benchmark.score({"a": truth(8)}, [TrackedRun("a", boxes, states)])
    assert scored.figures["eao"] == pytest.approx((1 + 1 + (3 + PART) / 4) / 3)
    assert scored.curves["expected overlap"][1, :5].tolist() == pytest.approx([1, 1, 1, 1, (3 + PART) / 4])


def test_burn_in_leaves_the_start_and_nine_frames_out_of_accuracy():
    """12 frames: 10 and 11 count. The tracker is right from frame 11 on only."""
    boxes = np.array([[np.nan] * 4, *[HALF] * 10, BOX])
    scored = VOT2019.score({"a": truth(12)}, [TrackedRun("a", boxes, np.array([1, *[0] * 11], np.int8))])
    assert scored.figures["accuracy"] == pytest.approx((PART + WHOLE) / 2)
    assert scored.sequences["a"]["accuracy"] == scored.figures["accuracy"]


def test_every_restart_burns_in_again():
    states = "1" + "." * 10 + "2" + "0000" + "1" + "." * 10  # counted: frame 10 before the failure, frame 26 after the restart
    scored = VOT2019.score({"a": truth(len(states))}, [run(states)])
    assert scored.figures["accuracy"] == 1 and scored.figures["lost"] == 1
    assert scored.parts["accuracy"].denominators.tolist() == [[2]]
    assert scored.figures["robustness"] == pytest.approx(100 / len(states))  # all frames, unevaluated ones included


def test_two_frames_one_failure():
    scored = VOT2019.score({"a": truth(2)}, [run("12")])
    assert (scored.figures["lost"], scored.figures["robustness"]) == (1, 50)
    assert np.isnan(scored.figures["accuracy"]) and np.isnan(scored.figures["eao"])  # nothing counts; the curve ends before 46


def test_accuracy_is_a_mean_over_frames_not_over_sequences():
    """Sequence a has 2 frames that count, overlap 1; sequence b one, overlap 11/21."""
    runs = [run("1" + "." * 11), run("1" + "." * 10, "b", HALF)]
    scored = VOT2019.score({"a": truth(12), "b": truth(11, "b")}, runs)
    assert scored.figures["accuracy"] == pytest.approx((2 + PART) / 3)


def test_results_and_truth_of_different_length_are_cut_to_the_shorter():
    longer, shorter = run("1" + "." * 11 + "2"), run("1" + "." * 5)
    scored = VOT2019.score({"a": truth(12)}, [longer])
    assert (scored.figures["lost"], scored.figures["robustness"]) == (1, pytest.approx(100 / 12))  # counted in the uncut file
    assert len(overlaps_of(truth(12), shorter).inner) == 6


def test_repetitions_are_averaged():
    """Failures: 1 and 0. Frame 10 counts with the mean of both overlaps, frame 11 with that of the second alone."""
    runs = [run("1" + "." * 10 + "2", box=HALF), run("1" + "." * 11, repeat=2)]
    scored = VOT2019.score({"a": truth(12)}, runs)
    assert scored.figures["lost"] == 0.5 and scored.figures["accuracy"] == pytest.approx(((PART + 1) / 2 + 1) / 2)


def test_the_edge_of_the_image_differs_between_accuracy_and_eao():
    """x = 8 to 10, an image 10 wide: columns 8, 9 and 10 count for accuracy, 8 and 9 for EAO. The tracker's box ends at 9."""
    sequence = Truth("a", np.array([[8.0, 0, 2, 2]] * 2), size=(10, 10))
    found = overlaps_of(sequence, run("1.", box=[8.0, 0, 1, 2]))
    assert (found.outer[1], found.inner[1]) == (pytest.approx(6 / 9), pytest.approx(1))
    free = overlaps_of(replace(sequence, size=None), run("1.", box=[8.0, 0, 1, 2]))
    assert free.inner[1] == free.outer[1] == pytest.approx(6 / 9)


def test_a_polygon_is_compared_as_a_polygon():
    diamond = [30.0, 10, 50, 30, 30, 50, 10, 30]
    sequence = Truth("a", np.array([diamond] * 2))
    assert overlaps_of(sequence, run("1.", box=[10.0, 10, 40, 40])).inner[1] == pytest.approx(839 / 1681)
    assert overlaps_of(sequence, run("1.", box=diamond)).inner[1] == 1
    assert overlaps_of(sequence, run("1.", box=[10.0, 10, 40, 40]), exact=True).inner[1] == pytest.approx(0.5)


def test_a_tracker_that_says_nothing_overlaps_by_0_and_an_unknown_truth_is_unknown():
    silent = TrackedRun("a", np.full((3, 4), np.nan), np.array([1, 0, 0], np.int8))
    assert overlaps_of(truth(3), silent).outer[1:].tolist() == [0, 0]
    blind = Truth("a", np.array([BOX, [np.nan] * 4, BOX]))
    assert np.isnan(overlaps_of(blind, run("1..")).inner).tolist() == [True, True, False]


@pytest.mark.parametrize("text", [b"1\n10,10,20,20\n2\n0\n", b"1.0\r\n10 10 20 20\r\n2.0\r\n0\r\n", b"1\n10;10;20;20\n2.00\n0.0"])
def test_states_are_compared_as_numbers(text):
    found = run_of_rows("a", 1, parse_rows(text, "a.txt"), "a.txt")
    assert found.states.tolist() == [State.INITIALISED, State.TRACKED, State.FAILED, State.SKIPPED]
    assert found.boxes[1].tolist() == BOX and np.isnan(found.boxes[[0, 2, 3]]).all()


def test_a_file_may_hold_boxes_and_polygons():
    found = run_of_rows("a", 1, parse_rows(b"1\n10,10,20,20\n0,0,4,0,4,4,0,4\n", "a.txt"), "a.txt")
    sequence = Truth("a", np.array([BOX, BOX, [0.0, 0, 4, 4]]))
    assert overlaps_of(sequence, found).inner[1:].tolist() == [1, 1]
    with pytest.raises(ValueError, match="row 2 of a.txt holds 5"):
        run_of_rows("a", 1, parse_rows(b"1\n1,2,3,4,5\n", "a.txt"), "a.txt")


def test_without_restarts_sequences_weigh_as_their_frames():
    """Sequence a: 14 frames of which 4 count, overlap 1; b: 11 frames of which one counts, overlap 11/21; weights 14 and 11."""
    runs = [run("1" + "." * 13), run("1" + "." * 10, "b", HALF)]
    scored = VOT_UNSUPERVISED.score({"a": truth(14), "b": truth(11, "b")}, runs)
    assert scored.figures["accuracy"] == pytest.approx((14 + 11 * PART) / 25)


@pytest.mark.parametrize("name", ["vot2019", "vot_unsupervised"])
def test_written_results_are_read_again(tmp_path, name):
    benchmark = BENCHMARKS[name]
    states = "1...." if name == "vot_unsupervised" else "1..2000"
    runs = [run(states), replace(run(states, repeat=2), boxes=np.full((len(states), 8), np.nan))]
    runs[1].boxes[runs[1].states == State.TRACKED] = [0, 0, 4, 0, 4, 4, 0, 4]
    place = benchmark.write_results(tmp_path, "ours", runs, {("a", 1): np.full(len(states), 0.01)})
    assert place == tmp_path / "ours"
    experiment = "unsupervised" if name == "vot_unsupervised" else "baseline"
    assert (place / experiment / "a/a_001.txt").read_text().splitlines()[:2] == ["1", "10.0000,10.0000,20.0000,20.0000"]
    assert (place / experiment / "a/a_001_time.value").read_text().splitlines()[0] == "0.010000"
    found = benchmark.read_results(place, {"a": truth(len(states))})
    assert [each.repeat for each in found] == [1, 2]
    for before, after in zip(runs, found, strict=True):
        assert before.states.tolist() == after.states.tolist()
        assert np.array_equal(before.boxes, after.boxes, equal_nan=True)


def test_results_of_the_other_experiment_are_refused(tmp_path):
    truths = {"a": truth(7)}
    VOT2019.write_results(tmp_path / "with", "t", [run("1..2000")], {})
    VOT_UNSUPERVISED.write_results(tmp_path / "without", "t", [replace(run("......."), repeat=1)], {})
    with pytest.raises(ValueError, match="no failures, a in"):
        VOT_UNSUPERVISED.read_results(tmp_path / "with/t/baseline", truths)
    with pytest.raises(ValueError, match="begin with the state 1"):
        VOT2019.read_results(tmp_path / "without/t/unsupervised", truths)


def test_own_folder_of_the_challenge(tmp_path):
    from PIL import Image

    (tmp_path / "a/color").mkdir(parents=True)
    Image.new("RGB", (64, 48)).save(tmp_path / "a/color/00000001.jpg")
    (tmp_path / "a/groundtruth.txt").write_text("0,0,4,0,4,4,0,4\n0,0,4,0,4,4,0,4\n1,1,5,1,5,5,1,5\n")
    (tmp_path / "a/occlusion.tag").write_text("1\n0\n0\n")
    (tmp_path / "list.txt").write_text("a\n")
    found = VOT2019.read_annotations(tmp_path)["a"]
    assert found.regions.shape == (3, 8) and found.size == (64, 48)
    assert {tag: held.tolist() for tag, held in found.tags.items()} == {"occlusion": [True, False, False], "empty": [False, True, True]}
    (tmp_path / "list.txt").write_text("a\nb\n")
    with pytest.raises(ValueError, match="1 of 2 in .* have none: b"):
        VOT2019.read_annotations(tmp_path)


def test_sizes_beside_the_annotations(tmp_path, capsys):
    (tmp_path / "set").mkdir()
    record = {"a": {"gt_rect": [BOX, BOX]}, "b": {"gt_rect": [BOX], "width": 7, "height": 8}}
    (tmp_path / "set/VOT.json").write_text(json.dumps(record))
    assert VOT2019.read_annotations(tmp_path / "set/VOT.json")["a"].size is None
    assert "of 1 sequences are not known" in capsys.readouterr().err
    (tmp_path / "set/VOT_sizes.json").write_text(json.dumps({"a": [64, 48]}))  # not all sequences: of another set
    assert VOT2019.read_annotations(tmp_path / "set/VOT.json")["a"].size is None
    (tmp_path / "set/VOT_sizes.json").write_text(json.dumps({"a": [64, 48], "b": [1, 2]}))
    found = VOT2019.read_annotations(tmp_path / "set/VOT.json")
    assert found["a"].size == (64, 48) and found["b"].size == (7, 8)
    assert "sizes of images are those of" in capsys.readouterr().err


FIGURES = {
    "SiamTPN": (0.2088, 0.6422, 0.8177, 163, 0.2084),
    "SiamAPN": (0.2347, 0.5512, 0.6772, 135, 0.2332),
    "SiamAPN++": (0.2342, 0.5754, 0.6421, 128, 0.2326),
}


@pytest.mark.parity
@pytest.mark.parametrize("tracker", FIGURES)
def test_figures_of_the_toolkit_on_vot2019(shared, tracker):
    truths = VOT2019.read_annotations(shared / "vot2019/annotations.json")
    runs = VOT2019.read_results(shared / "vot2019/results" / tracker, truths)
    eao, accuracy, robustness, lost, exact = FIGURES[tracker]
    scored = VOT2019.score(truths, runs)
    assert scored.figures == pytest.approx({"eao": eao, "accuracy": accuracy, "robustness": robustness, "lost": lost}, abs=5e-5)
    assert replace(VOT2019, exact=True).score(truths, runs).figures["eao"] == pytest.approx(exact, abs=5e-5)


@pytest.mark.parity
def test_figures_of_the_toolkit_on_vot2018(shared):
    truths = VOT2018.read_annotations(shared / "benchmarks/annotations/VOT2018.json")
    scored = VOT2018.score(truths, VOT2018.read_results(shared / "benchmarks/results/vot2018/SiamAPN", truths))
    assert scored.figures == pytest.approx({"eao": 0.2480, "accuracy": 0.5586, "robustness": 0.4917, "lost": 105}, abs=5e-5)
    assert set(scored.attributes) == {"camera_motion", "empty", "illum_change", "motion_change", "occlusion", "size_change"}
