"""Files of annotations and results that others made: what is read as it is meant, and what is refused in one line."""

import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.benchmarks.benchmark import Truth
from tracking.benchmarks.got10k import GOT_10K
from tracking.benchmarks.lasot import LASOT
from tracking.benchmarks.otb import OTB
from tracking.benchmarks.reading.layouts import FilePerSequence, FolderPerSequence, find_trackers
from tracking.benchmarks.reading.records import read_json, read_sizes
from tracking.benchmarks.reading.rows import parse_rows
from tracking.benchmarks.reading.stores import Folder, Zip, opened
from tracking.benchmarks.vot.vot2019 import VOT2019

TRUTHS = {name: Truth(name, np.array([[10.0, 10, 20, 20]] * 2)) for name in ("a", "b")}
TWO = "1,2,3,4\n5,6,7,8\n"


@pytest.mark.parametrize(
    "text",
    [
        b"1,2,3,4\n5,6,7,8\n",
        b"1, 2, 3, 4\r\n5, 6, 7, 8\r\n",
        b"1\t2\t3\t4\n5\t6\t7\t8",
        b"1 2  3 4\r5 6 7 8\r",
        b"1;2;3;4\n5;6;7;8\n",
        b"1;2;3;4;\n5,0;6,0;7,0;8,0\n",  # decimal commas
        b"1,2,3,4,\n5,6,7,8,\n",
        b"# x y w h\n1 2 3 4\n\n5 6 7 8\n\n",
        b"1,2,3,4\n5\t6\t7\t8\n",
        b"\xef\xbb\xbf1.0e0,2,3,4\n5,6,7,8\n",
        "1,2,3,4\r\n5,6,7,8\r\n".encode("utf-16"),
    ],
)
def test_separators_and_ends_of_lines(text):
    rows = parse_rows(text, "a.txt")
    assert rows.values.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]] and rows.widths.tolist() == [4, 4]


@pytest.mark.parametrize("missing", ["nan,nan,nan,nan", "NaN NaN NaN NaN", "-;-;-;-", ",,,", "none,none,none,none", "NA NA NA NA"])
def test_a_row_may_be_missing(missing):
    rows = parse_rows(f"1,2,3,4\n{missing}\n".encode(), "a.txt")
    assert rows.widths.tolist() == [4, 4] and np.isnan(rows.values[1]).all()


@pytest.mark.parametrize(
    "text, said",
    [
        (b"", "is empty"),
        (b"\n\n# nothing\n", "is empty"),
        (b"1,2,3,4\n1,2,x,4\n", "row 2 of a.txt is '1,2,x,4'"),
        (b"\xff\xfe\x00", "is none"),
        (b"\xf0\x28\x8c", "is none"),
        (b"1,2,3,4\n1,2,inf,4\n", "at most 1e[+]07 px, row 2"),
        (b"1,2,3,1e300\n", "at most 1e[+]07 px, row 1"),
        (b"PK\x03\x04", "must hold numbers"),
    ],
)
def test_what_is_no_rows_of_numbers(text, said):
    with pytest.raises(ValueError, match=said):
        parse_rows(text, "a.txt")


def test_rows_of_different_length():
    rows = parse_rows(b"1\n1,2,3,4\n0,0,4,0,4,4,0,4\n", "a.txt")
    assert rows.widths.tolist() == [1, 4, 8] and rows.values.shape == (3, 8) and np.isnan(rows.values[1, 4:]).all()


numbers = st.floats(-1e4, 1e4).map(lambda value: round(value, 3))


@given(
    st.lists(st.one_of(st.lists(numbers, min_size=4, max_size=4), st.lists(numbers, min_size=1, max_size=1)), min_size=1, max_size=8),
    st.sampled_from(",;\t "),
)
def test_any_numbers_come_back(table, separator):
    rows = parse_rows("\n".join(separator.join(map(repr, row)) for row in table).encode(), "a.txt")
    assert [row[:width].tolist() for row, width in zip(rows.values, rows.widths, strict=True)] == table


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data):
    try:
        rows = parse_rows(data, "a.txt")
    except ValueError as err:
        assert "a.txt" in str(err)
    else:
        assert len(rows.values) == len(rows.widths) > 0


def files(folder, *names: str, text: str = TWO):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def names(benchmark, folder) -> list[str]:
    return sorted({run.sequence for run in benchmark.read_results(folder, TRUTHS)})


def test_a_tracker_may_lie_a_little_deeper(tmp_path):
    files(tmp_path, "results/ours/params/a.txt", "results/ours/params/b.txt", "results/ours/notes.md")
    assert names(OTB, tmp_path) == ["a", "b"]
    assert list(find_trackers(tmp_path, FilePerSequence(), TRUTHS)) == ["params"]
    files(tmp_path, "results/theirs/params/a.txt", "results/theirs/params/b.txt")
    assert list(find_trackers(tmp_path, FilePerSequence(), TRUTHS)) == ["results/ours/params", "results/theirs/params"]


def test_several_trackers_in_a_folder(tmp_path):
    files(tmp_path, "ours/a.txt", "ours/b.txt", "theirs/b.txt", "theirs/b_time.txt", "empty/c.txt")
    assert list(find_trackers(tmp_path, FilePerSequence(), TRUTHS)) == ["ours", "theirs"]
    with pytest.raises(ValueError, match="holds ours, theirs; name the folder of one"):
        OTB.read_results(tmp_path, TRUTHS)


def test_a_tracker_of_vot_is_not_called_baseline(tmp_path):
    files(tmp_path, "ours/baseline/a/a_001.txt", "ours/baseline/b/b_001.txt", "ours/unsupervised/a/a_001.txt", text="1\n1,2,3,4\n")
    layout = FolderPerSequence("baseline")
    for place in (tmp_path, tmp_path / "ours", tmp_path / "ours/baseline"):
        assert list(find_trackers(place, layout, TRUTHS)) == ["ours"]
        assert names(VOT2019, place) == ["a", "b"]


def test_repetitions_are_files_with_numbers(tmp_path):
    files(tmp_path, "a/a_001.txt", "a/a_002.txt", "b/b_001.txt")
    files(tmp_path, "a/a_time.txt", text="0.1,0.2\n0.1,0.2\n")
    assert [(run.sequence, run.repeat) for run in GOT_10K.read_results(tmp_path, TRUTHS)] == [("a", 1), ("a", 2), ("b", 1)]


def test_names_may_differ_in_punctuation(tmp_path):
    truths = {name: Truth(name, TRUTHS["a"].regions) for name in ("Jogging-1", "Jogging-2")}
    files(tmp_path, "jogging.1.txt", "Jogging_2.txt")
    assert len(OTB.read_results(tmp_path, truths)) == 2


def test_surplus_sequences_are_not_read(tmp_path):
    files(tmp_path, "a.txt", "b.txt")
    files(tmp_path, "c.txt", text="no numbers")
    assert names(OTB, tmp_path) == ["a", "b"]


def zipped(path, inside):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in inside.items():
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize("prefix", ["", "ours/", "x/ours/"])
def test_zips_are_read_like_folders(tmp_path, prefix):
    path = zipped(tmp_path / "tracker.zip", {f"{prefix}{name}.txt": TWO for name in TRUTHS})
    assert names(OTB, path) == ["a", "b"] and list(find_trackers(path, FilePerSequence(), TRUTHS)) == ["tracker"]


def test_stores_list_alike(tmp_path):
    files(tmp_path / "f", "x/1.txt", "x/y/2.txt", "3.txt")
    path = zipped(tmp_path / "z.zip", {name: TWO for name in ("x/1.txt", "x/y/2.txt", "3.txt")})
    stores = [opened(tmp_path / "f"), opened(path)]
    assert isinstance(stores[0], Folder) and isinstance(stores[1], Zip)
    for store in stores:
        assert (store.folders(), store.files(), store.folders("x"), store.files("x")) == (["x"], ["3.txt"], ["x/y"], ["x/1.txt"])
        assert store.read("x/y/2.txt") == TWO.encode() and store.files("none") == store.folders("none") == []


def test_broken_zips(tmp_path):
    (tmp_path / "no.zip").write_text("PK but no zip")
    with pytest.raises(ValueError, match="no zip file"):
        OTB.read_results(tmp_path / "no.zip", TRUTHS)
    path = zipped(tmp_path / "t.zip", {"a.txt": TWO * 50, "b.txt": TWO})
    content = bytearray(path.read_bytes())
    content[45] ^= 0xFF  # a byte of the first file
    path.write_bytes(content)
    with pytest.raises(ValueError, match="a.txt cannot be read"):
        OTB.read_results(path, TRUTHS)


@pytest.mark.parametrize(
    "benchmark, held, said",
    [
        (OTB, {}, "results of otb must lie as TRACKER/SEQUENCE.txt, .* has none for its 2 sequences"),
        (OTB, {"c.txt": TWO}, "but c.txt"),
        (OTB, {"a.txt": TWO}, "1 of 2 have none in .*: b; track them"),
        (OTB, {"baseline/a/a_001.txt": "1\n1,2,3,4\n", "baseline/b/b_001.txt": "1\n2\n"}, "but baseline/a/a_001.txt"),
        (OTB, {"a.txt": TWO, "b.txt": "1\n1,2,3,4\n"}, "row 1 of .*b.txt holds 1 number.s., a state of VOT results"),
        (OTB, {"a.txt": TWO, "b.txt": "0,0,4,0,4,4,0,4\n" * 2}, "holds 8 number.s., a polygon"),
        (OTB, {"a.txt": TWO, "b.txt": "1,2,3\n" * 2}, "holds 3 number.s.; check"),
        (OTB, {"a.txt": TWO, "b.txt": "1,2,3,4\n"}, "got 1 rows for 2 frames of b"),
        (OTB, {"a.txt": TWO, "b.txt": ""}, "b.txt is empty"),
        (GOT_10K, {"a.txt": TWO, "b.txt": TWO}, "must lie as TRACKER/SEQUENCE/SEQUENCE_001.txt, .*but a.txt"),
        (VOT2019, {"a.txt": TWO, "b.txt": TWO}, "must lie as TRACKER/baseline/SEQUENCE/SEQUENCE_001.txt"),
        (VOT2019, {"a/a_001.txt": TWO, "b/b_001.txt": TWO}, "begin with the state 1 alone, a in"),
    ],
)
def test_results_that_are_not_what_the_benchmark_wants(tmp_path, benchmark, held, said):
    for name, text in held.items():
        files(tmp_path, name, text=text)
    with pytest.raises(ValueError, match=said):
        benchmark.read_results(tmp_path, TRUTHS)


def test_results_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="none is neither"):
        OTB.read_results(tmp_path / "none", TRUTHS)
    with pytest.raises(FileNotFoundError, match="none is neither"):
        OTB.read_annotations(tmp_path / "none")


def record(tmp_path, content) -> dict[str, Truth]:
    (tmp_path / "set.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return read_json(tmp_path / "set.json")


def test_a_json_file_of_annotations(tmp_path):
    polygon = [0, 0, 4, 0, 4, 4, 0, 4]
    content = {
        "a": {"gt_rect": [[1, 2, 3, 4], polygon], "width": 64, "height": 48, "occlusion": [1], "attr": ["ALL", "IV"]},
        "b": {"gt_rect": [[1, 2, 3, 4], [None, float("nan"), 3, 4]], "absent": [1, 0]},
    }
    found = record(tmp_path, content)
    assert found["a"].regions.shape == (2, 8) and np.isnan(found["a"].regions[0, 4:]).all() and found["a"].size == (64, 48)
    assert found["a"].attributes == {"IV"} and found["a"].tags["occlusion"].tolist() == [True, False]  # marks may end early
    assert found["b"].absent.tolist() == [False, True] and np.isnan(found["b"].regions[1, :2]).all()  # there 1 is in sight


@pytest.mark.parametrize(
    "content, said",
    [
        ("no json", "must be JSON"),
        ("[" * 100_000, "must be JSON"),
        ([], "an object of sequences"),
        ({}, "an object of sequences"),
        ({"a": {}}, "'a' .* has none"),
        ({"a": 7}, "'a' .* has none"),
        ({"a": {"gt_rect": []}}, "'a' .* has none"),
        ({"a": {"gt_rect": [[1, 2, 3]]}}, "holds other rows"),
        ({"a": {"gt_rect": [7]}}, "holds other rows"),
        ({"a": {"gt_rect": [[1, 2, 3, "x"]]}}, "must consist of numbers"),
        ({"a": {"gt_rect": [[1, 2, 3, [4]]]}}, "must consist of numbers"),
        ({"a": {"gt_rect": [[1, 2, 3, 1e9]]}}, "at most 1e[+]07 px"),
        ({"a": {"gt_rect": [[1, 2, 3, 4]], "absent": [1, 1]}}, "each of the 1 frames"),
        ({"a": {"gt_rect": [[1, 2, 3, 4]], "absent": ["x"]}}, "each of the 1 frames"),
        ({"a": {"gt_rect": [[1, 2, 3, 4]], "occlusion": "x"}}, "a list of 0 and 1"),
        ({"../a": {"gt_rect": [[1, 2, 3, 4]]}}, "names of files"),
        ({"a/b": {"gt_rect": [[1, 2, 3, 4]]}}, "names of files"),
    ],
)
def test_json_that_is_no_annotation(tmp_path, content, said):
    with pytest.raises(ValueError, match=said):
        record(tmp_path, content)


def test_folders_of_annotations(tmp_path):
    with pytest.raises(ValueError, match="own folder, a pysot-style JSON or a folder"):
        OTB.read_annotations(tmp_path)
    record(tmp_path, {"a": {"gt_rect": [[1, 2, 3, 4]]}})
    assert list(OTB.read_annotations(tmp_path)) == ["a"]  # a folder with one JSON file
    files(tmp_path, "b.txt")
    assert list(OTB.read_annotations(tmp_path)) == ["b"]
    files(tmp_path, "c.txt", text="1,2,3\n")
    with pytest.raises(ValueError, match="row 1 of .*c.txt"):
        OTB.read_annotations(tmp_path)


def test_own_names_of_the_sequences_come_first(tmp_path):
    files(tmp_path, "car-1.txt", "car.1.txt", text="1,2,3,4\n1,2,3,4\n")
    [run] = LASOT.read_results(tmp_path, {"car.1": TRUTHS["a"]})
    assert run.sequence == "car.1"
    with pytest.raises(ValueError, match="has none for its 1 sequences"):
        LASOT.read_results(tmp_path, {"car_1": TRUTHS["a"]})  # either could be meant


@pytest.mark.parametrize("content", ["[]", "{", '{"a": 7}', '{"a": [1]}', '{"a": ["x", 1]}', '{"a": [1e999, 1]}'])
def test_sizes_that_are_none(tmp_path, content):
    (tmp_path / "sizes.json").write_text(content)
    with pytest.raises(ValueError, match="sizes of images must be JSON"):
        read_sizes(tmp_path / "sizes.json")
