"""Benchmarks of success and precision: every rule by hand, and the toolkit's figures of public results."""

import zipfile

import numpy as np
import pytest

from tracking.benchmarks import BENCHMARKS
from tracking.benchmarks.benchmark import State, TrackedRun, Truth
from tracking.benchmarks.dtb70 import DTB70
from tracking.benchmarks.lasot import LASOT
from tracking.benchmarks.nfs import NFS
from tracking.benchmarks.otb import OTB
from tracking.benchmarks.trackingnet import TRACKINGNET
from tracking.benchmarks.uav123 import UAV123

ALL = [OTB, LASOT, TRACKINGNET, UAV123, NFS, DTB70]
BOX = [10.0, 10, 20, 20]
PERFECT = 20 / 21


def run(boxes, name: str = "a") -> TrackedRun:
    boxes = np.array(boxes, float)
    return TrackedRun(name, boxes, np.array([1, *[0] * (len(boxes) - 1)], np.int8))


def figures(benchmark, truth, boxes, **more) -> dict[str, float]:
    return benchmark.score({"a": Truth("a", np.array(truth, float), **more)}, [run(boxes)]).figures


@pytest.mark.parametrize("benchmark", ALL, ids=lambda each: each.name)
def test_a_perfect_tracker_has_success_20_of_21(benchmark):
    found = figures(benchmark, [BOX] * 3, [BOX] * 3)
    assert list(found) == list(benchmark.metrics)
    assert (found["success"], found["precision"], found["normalised_precision"]) == (pytest.approx(PERFECT), 1, 1)
    assert benchmark.restarts is None and benchmark.repeats == 1


def test_origins_of_the_coordinates():
    assert {each.name for each in ALL if each.origin == 1} == {"otb", "lasot", "uav123"}


def test_an_overlap_must_exceed_a_threshold():
    """Overlaps 1, .5, .4 and 0: 20, 10 (0 to .45), 8 (0 to .35) and 0 of 21 thresholds."""
    found = figures(OTB, [BOX] * 4, [BOX, [10, 10, 20, 10], [10, 10, 20, 8], [60, 60, 5, 5]])
    assert found["success"] == pytest.approx((20 + 10 + 8 + 0) / 4 / 21)


def test_the_first_frame_counts_as_the_file_has_it():
    assert figures(OTB, [BOX] * 2, [[60, 60, 5, 5], BOX])["success"] == pytest.approx(PERFECT / 2)


def test_the_mean_over_sequences_knows_no_lengths():
    truths = {"a": Truth("a", np.array([BOX] * 3)), "b": Truth("b", np.array([BOX]))}
    scored = OTB.score(truths, [run([BOX] * 3), run([[60, 60, 5, 5]], "b")])
    assert scored.figures["success"] == pytest.approx(PERFECT / 2) and scored.figures["precision"] == 0.5
    assert scored.sequences["b"]["success"] == 0


@pytest.mark.parametrize("box", [[0, 10, 20, 20], [10, -1, 20, 20], [10, 10, 0, 20], [10, 10, 20, 0], [np.nan] * 4])
def test_a_true_box_that_is_not_usable_is_a_miss_that_counts_as_a_frame(box):
    assert figures(OTB, [BOX, box], [BOX, box])["success"] == pytest.approx(PERFECT / 2)


def test_precision_is_the_share_of_centres_within_20_px():
    shifted = [[30, 10, 20, 20], [30.1, 10, 20, 20], [10, 31, 20, 20], BOX]
    found = OTB.score({"a": Truth("a", np.array([BOX] * 4))}, [run(shifted)])
    assert found.figures["precision"] == 2 / 4
    assert found.curves["precision"][1, [19, 20, 21]].tolist() == [1 / 4, 2 / 4, 4 / 4]  # at most 19, 20 and 21 px


def test_centres_are_halfway_between_first_and_last_pixel():
    """Of a box 5 wide and one 46 wide that begin at one place, x + (w - 1) / 2 differs by 20.5: more than 20."""
    assert figures(OTB, [[10, 10, 5, 5]], [[10, 10, 46, 5]])["precision"] == 0
    assert figures(OTB, [[10, 10, 5, 5]], [[10, 10, 45, 5]])["precision"] == 1


def test_normalised_precision_divides_by_the_size_of_the_truth():
    """Of a target 100 x 20 px, 19 px across or 3.9 px down are less than .2 of its size; both at once are more."""
    truth, shifted = [[10, 10, 100, 20]] * 4, [[29, 10, 100, 20], [10, 13.9, 100, 20], [29, 13.9, 100, 20], [10, 14.1, 100, 20]]
    assert figures(OTB, truth, shifted)["normalised_precision"] == 2 / 4


def test_a_frame_without_a_true_centre_is_precise():
    """[0, 0, 0, 0], whose centre is -0.5, and NaN are hits at every distance, and misses of success."""
    for box in ([0, 0, 0, 0], [np.nan] * 4):
        found = OTB.score({"a": Truth("a", np.array([BOX, box]))}, [run([[90, 90, 20, 20], [500, 500, 20, 20]])])
        assert found.figures == {"success": 0, "precision": 0.5, "normalised_precision": 0.5}
        assert found.curves["precision"][1, 0] == 0.5


def test_a_true_box_without_size_elsewhere_is_far_away_in_shares_of_its_size():
    found = figures(OTB, [[10, 10, 0, 0]], [[10, 10, 1, 1]])
    assert (found["precision"], found["normalised_precision"]) == (1, 0)


def test_a_box_that_is_missing_is_a_miss():
    found = figures(OTB, [BOX] * 2, [BOX, [np.nan] * 4])
    assert found == {"success": pytest.approx(PERFECT / 2), "precision": 0.5, "normalised_precision": 0.5}


@pytest.mark.parametrize("benchmark", ALL, ids=lambda each: each.name)
def test_lasot_alone_drops_absent_frames_which_stay_in_the_number_of_frames(benchmark):
    """Three frames; the target is absent in the second, where the tracker happens to be right."""
    found = figures(benchmark, [BOX] * 3, [BOX] * 3, absent=np.array([False, True, False]))
    hits = 2 if benchmark is LASOT else 3
    assert found["success"] == pytest.approx(PERFECT * hits / 3) and found["precision"] == found["normalised_precision"] == hits / 3


def test_trackingnet_tells_the_area_of_normalised_precision_too():
    """The centre is off by .1 of the size: a hit at 41 of the thresholds 0, .01 ... .5."""
    found = figures(TRACKINGNET, [[10, 10, 100, 100]], [[20, 10, 100, 100]])
    assert found["normalised_precision_auc"] == pytest.approx(41 / 51)


def test_attributes_are_means_over_the_sequences_that_have_them():
    truths = {name: Truth(name, np.array([BOX]), attributes=frozenset(held)) for name, held in (("a", ["OCC"]), ("b", ["OCC", "IV"]))}
    scored = UAV123.score(truths, [run([BOX]), run([[60, 60, 5, 5]], "b")])
    assert scored.attributes == {"IV": 0, "OCC": pytest.approx(PERFECT / 2)}


def test_runs_that_do_not_fit_are_refused():
    truths = {"a": Truth("a", np.array([BOX] * 2))}
    with pytest.raises(ValueError, match="has 3 for 2"):
        OTB.score(truths, [run([BOX] * 3)])
    with pytest.raises(ValueError, match="'b' is none"):
        OTB.score(truths, [run([BOX] * 2), run([BOX], "b")])
    with pytest.raises(ValueError, match="a has none"):
        OTB.score(truths, [])
    with pytest.raises(ValueError, match="there is no sequence"):
        OTB.score({}, [])


def test_surplus_rows_are_cut_by_lasot_and_refused_by_others(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("1,2,3,4\n" * 3)
    truths = {"a": Truth("a", np.array([BOX] * 2))}
    [found] = LASOT.read_results(tmp_path, truths)
    assert len(found.boxes) == 2 and "a (3 rows for 2 frames)" in capsys.readouterr().err
    with pytest.raises(ValueError, match="got 3 rows for 2 frames of a"):
        OTB.read_results(tmp_path, truths)
    (tmp_path / "a.txt").write_text("1,2,3,4\n")
    with pytest.raises(ValueError, match="got 1 rows for 2 frames of a"):
        LASOT.read_results(tmp_path, truths)


def written(folder, **files: str):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_own_folder_of_otb(tmp_path):
    written(tmp_path, Jogging__x="", Human4__x="")
    for name in ("Car/groundtruth_rect", "Jogging/groundtruth_rect.1", "Jogging/groundtruth_rect.2", "Human4/groundtruth_rect.2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.txt").write_text("1\t2\t3\t4\n")
    assert list(OTB.read_annotations(tmp_path)) == ["Car", "Human4", "Jogging-1", "Jogging-2"]


def test_own_folder_of_lasot(tmp_path, capsys):
    for name in ("cat-1", "dog-2"):
        folder = tmp_path / name[:3] / name
        folder.mkdir(parents=True)
        (folder / "groundtruth.txt").write_text("1,2,3,4\n" * 3)
        (folder / "full_occlusion.txt").write_text("0,1,0")
        (folder / "out_of_view.txt").write_text("0,0,1")
    found = LASOT.read_annotations(tmp_path)
    assert list(found) == ["cat-1", "dog-2"] and found["cat-1"].absent.tolist() == [False, True, True]
    (tmp_path / "testing_set.txt").write_text("dog-2\r\n")
    assert list(LASOT.read_annotations(tmp_path)) == ["dog-2"]
    (tmp_path / "testing_set.txt").write_text("dog-3\n")
    with pytest.raises(ValueError, match="dog-3 is not"):
        LASOT.read_annotations(tmp_path)
    assert capsys.readouterr().err == ""


def test_own_folders_of_uav123_trackingnet_nfs_and_dtb70(tmp_path):
    written(tmp_path, anno__UAV123__car1_txt="1,2,3,4\nNaN,NaN,NaN,NaN\n", anno__UAV123__att__car1_txt="1,0,1")
    written(tmp_path, anno__UAV123_10fps__car2_txt="1,2,3,4\n")
    found = UAV123.read_annotations(tmp_path)
    assert list(found) == ["car1"] and np.isnan(found["car1"].regions[1]).all()
    assert found["car1"].attributes == {"attribute 1", "attribute 3"}
    (tmp_path / "anno/UAV123/att/names.txt").write_text("Scale Variation\nFast Motion\nLow Resolution\n")
    assert UAV123.read_annotations(tmp_path)["car1"].attributes == {"Scale Variation", "Low Resolution"}
    assert list(UAV123.read_annotations(tmp_path / "anno/UAV123_10fps")) == ["car2"]

    written(tmp_path / "net", TEST__anno__v_1_txt="1,2,3,4\n")
    assert list(TRACKINGNET.read_annotations(tmp_path / "net")) == ["v_1"]

    line = '0 10 20 30 60 {} 0 0 0 "ball"\n'
    written(tmp_path / "nfs", ball__30__ball_txt="".join(map(line.format, range(1, 17))))
    assert NFS.read_annotations(tmp_path / "nfs")["ball"].regions[0].tolist() == [10, 20, 20, 40]
    for i in (1, 2):
        written(tmp_path / "nfs", **{f"ball__30__ball__{i:05d}.jpg": ""})
    assert len(NFS.read_annotations(tmp_path / "nfs")["ball"].regions) == 2  # every eighth of 16, for two images

    written(tmp_path / "dtb", Car__groundtruth_rect_txt="1,2,3,4\n")
    assert list(DTB70.read_annotations(tmp_path / "dtb")) == ["Car"]


def test_flat_folder_of_lasot_with_labels_of_absence(tmp_path, capsys):
    written(tmp_path, cat_txt="1,2,3,4\n1,2,3,4\n")
    assert LASOT.read_annotations(tmp_path)["cat"].absent is None
    assert "nothing says in which frames the target is absent" in capsys.readouterr().err
    written(tmp_path, absent__cat_txt="0\n1\n")  # 1 is absent, as the official label says
    assert LASOT.read_annotations(tmp_path)["cat"].absent.tolist() == [False, True]
    written(tmp_path, absent__cat_txt="0\n1\n0\n")
    with pytest.raises(ValueError, match="must hold 2 zeros and ones, it holds 3"):
        LASOT.read_annotations(tmp_path)
    written(tmp_path, absent__cat_txt="0\n1\n", dog_txt="1,2,3,4\n")
    with pytest.raises(ValueError, match="dog.txt is missing"):
        LASOT.read_annotations(tmp_path)


@pytest.mark.parametrize("benchmark", [*ALL, BENCHMARKS["one_pass"], BENCHMARKS["got10k"]], ids=lambda each: each.name)
def test_written_results_are_read_again(tmp_path, benchmark):
    boxes = np.array([BOX, [1.25, 2.5, 3.75, 4], [np.nan] * 4])
    truths = {name: Truth(name, np.array([BOX] * 3)) for name in ("a", "b")}
    runs = [TrackedRun(name, boxes, np.array([State.INITIALISED, 0, 0], np.int8)) for name in truths]
    handed_in = benchmark.write_results(tmp_path / "out", "ours", runs, {("a", 1): np.array([0.5, 0.1, 0.1])})
    assert handed_in == tmp_path / "out" / ("ours.zip" if benchmark.name in ("got10k", "trackingnet") else "ours")
    for place in (handed_in, tmp_path / "out/ours"):
        found = benchmark.read_results(place, truths)
        assert [each.sequence for each in found] == ["a", "b"]
        assert all(np.allclose(each.boxes, boxes, atol=0.006, equal_nan=True) for each in found)
    if benchmark.name == "got10k":
        names = zipfile.ZipFile(handed_in).namelist()
        assert sorted(names) == ["a/a_001.txt", "a/a_time.txt", "b/b_001.txt", "b/b_time.txt"]
        assert zipfile.ZipFile(handed_in).read("a/a_time.txt") == b"0.50000000\n0.10000000\n0.10000000\n"
    if benchmark.name == "trackingnet":
        assert zipfile.ZipFile(handed_in).namelist() == ["a.txt", "b.txt"]


@pytest.mark.parity
@pytest.mark.parametrize(
    "benchmark, annotations, results, published",
    [
        (OTB, "OTB100.json", "otb100/DaSiamRPN", {"success": 0.6578, "precision": 0.8802}),
        (DTB70, "DTB70", "dtb70/LightTrack", {"success": 0.5908, "precision": 0.7644, "normalised_precision": 0.7154}),
    ],
)
def test_figures_of_the_toolkit(shared, benchmark, annotations, results, published):
    truths = benchmark.read_annotations(shared / "benchmarks/annotations" / annotations)
    scored = benchmark.score(truths, benchmark.read_results(shared / "benchmarks/results" / results, truths))
    assert {metric: scored.figures[metric] for metric in published} == pytest.approx(published, abs=5e-5)
