import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.files.annotations import read_boxes, read_rows, write_boxes

TWO = [[1, 2, 3, 4], [5, 6, 7, 8]]


def read(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_rows(path)


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3,4\n5,6,7,8\n",
        "1\t2\t3\t4\r\n5\t6\t7\t8",
        "1 2  3 4\n 5 6 7 8 \n\n",
        " 1, 2, 3 ,4\n5 ,6, 7,8",
        "\ufeff1,2,3,4\n5,6,7,8",
        "1,2,3,4,\n5,6,7,8,\n",  # a separator ends the line
        "1;2;3;4;\n5;6;7;8;\n",
        "1.0,2.,3e0,+4\n5,6,7,8",
        "1,2,3,4\r\r\n5,6,7,8\r\r\n",  # line ends that were converted twice
        "\n\n# made by hand\n1,2,3,4 # the first\n# in between\n5,6,7,8\n",
        "x,y,w,h\n1,2,3,4\n5,6,7,8",
        "left;top;width;height\n1;2;3;4\n5;6;7;8",
        "# x y w h\n1 2 3 4\n5 6 7 8",
        "h,w,y,x\n4,3,2,1\n8,7,6,5",  # in any order
        "x1,y1,x2,y2\n1,2,4,6\n5,6,12,14",  # corners
        "xmin ymin xmax ymax\n1 2 4 6\n5 6 12 14",
        "cx,cy,w,h\n2.5,4,3,4\n8.5,10,7,8",  # centres
        "x,y,w,h,score\n1,2,3,4,.5\n5,6,7,8,nan",
        '"x";"y";"w";"h";"class"\n1;2;3;4;car\n5;6;7;8;car',
        "1,0;2,0;3,0;4,0\n5;6;7;8",  # decimal commas
        "1,0 2,0 3,0 4,0\n5 6 7 8",
    ],
)
def test_forms(tmp_path, text):
    np.testing.assert_array_equal(read(tmp_path / "boxes.txt", text).boxes, TWO)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings(tmp_path, encoding):
    np.testing.assert_array_equal(read(tmp_path / "boxes.txt", "1,2,3,4\r\n5,6,7,8\r\n".encode(encoding)).boxes, TWO)


def test_decimal_commas_are_not_corners(tmp_path):
    text = "68,25;47,50;26,75;39,20\n69,25;49,50;26,75;39,20\n"
    np.testing.assert_array_equal(read(tmp_path / "boxes.txt", text).boxes, [[68.25, 47.5, 26.75, 39.2], [69.25, 49.5, 26.75, 39.2]])


@pytest.mark.parametrize(
    "mark", ["nan,nan,nan,nan", "NaN,NaN,NaN,NaN", ",,,", "nan", "None,None,None,None", "-,-,-,-", "1,nan,3,4", "nan" + ",nan" * 7]
)
def test_marks_of_absence(tmp_path, mark):
    np.testing.assert_array_equal(read(tmp_path / "boxes.txt", f"1,2,3,4\n{mark}\n5,6,7,8").boxes, [TWO[0], [np.nan] * 4, TWO[1]])


def test_polygons(tmp_path):
    text = "10,10,30,10,30,20,10,20\n10,0,20,10,10,20,0,10\n" + "nan," * 7 + "nan\n"
    half = np.sqrt(200) / 2
    expected = [[10, 10, 20, 10], [10 - half, 10 - half, 2 * half, 2 * half], [np.nan] * 4]
    np.testing.assert_allclose(read(tmp_path / "boxes.txt", text).boxes, expected)
    named = "x1,y1,x2,y2,x3,y3,x4,y4\n" + text
    np.testing.assert_allclose(read(tmp_path / "boxes.txt", named).boxes, expected)


def test_numbers_of_frames(tmp_path):
    rows = read(tmp_path / "boxes.txt", "frame,x,y,w,h\n3,1,2,3,4\n5,5,6,7,8")
    np.testing.assert_array_equal(rows.boxes, TWO)
    np.testing.assert_array_equal(rows.numbers, [3, 5])
    with pytest.raises(ValueError, match="without gaps"):
        read_boxes(tmp_path / "boxes.txt")
    read(tmp_path / "boxes.txt", "x y w h frame\n1 2 3 4 3\n5 6 7 8 4")
    np.testing.assert_array_equal(read_boxes(tmp_path / "boxes.txt"), TWO)


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "at least one"),
        (b"# nothing", "at least one"),
        (b"1,2,3", "line 1 holds 3"),
        (b"1,2,3,", "line 1 holds 3"),
        (b"1,2,3,4\n\n1,2,3,4", "line 2 is empty"),
        (b"1,2,3,4\n1,2\n", "line 2 holds 2"),
        (b"1,2,3,4\n1;2;3;4", "one kind of separator"),
        (b"1,2,3,4\n1 2 3 4", "one form"),
        (b"1,2,3,4,5", "line 1 holds 5"),
        (b"1,1,2,3,4,-1,-1,-1,-1,-1", "line 1 holds 10"),
        (b"68,47,26,39,0.9,1,1,0", "no convex"),
        (b"68,25,47,50,26,75,39,20", "no convex"),
        (b"10,10;30,10;30,20;10,20", "decimal point"),  # a box or four corners
        (b"10,10 30,10 30,20 10,20", "decimal point"),
        (b"10,10,30,12,30,25,10,20", "decimal point"),
        (b"x", "'x'"),
        (b"0x1,2,3,4", "0x1"),
        (b"1_0,2,3,4", "1_0"),
        (b"inf,2,3,4", "inf"),
        (b"1e300,2,3,4", "at most"),
        (b"x,y,w,h,occluded\n1,2,3,4,0", "'occluded'"),
        (b"x,y,w,w\n1,2,3,4", "one box"),
        (b"frame,x,y,w,h\n2,1,2,3,4\n2,1,2,3,4", "increase"),
        (b"frame,x,y,w,h\n1.5,1,2,3,4", "whole"),
        (b"frame,x,y,w,h\nnan,nan,nan,nan,nan\n2,1,2,3,4", "must have its number"),
        (b"\xff\xd8", "UTF-8"),
        (b"1,2,3,4\x00", "UTF-8"),
        ("1,2,3,4".encode("utf-16-le"), "UTF-8"),  # without its mark
    ],
)
def test_what_is_refused(tmp_path, content, said):
    with pytest.raises(ValueError, match=said) as caught:
        read(tmp_path / "boxes.txt", content)
    assert "boxes.txt" in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.txt"):
        read_boxes(tmp_path / "none.txt")


def test_round_trip(tmp_path):
    boxes = np.array([[1.25, -2, 3.0001, 4], [np.nan] * 4])
    write_boxes(tmp_path / "new" / "boxes.txt", boxes)
    np.testing.assert_allclose(read_boxes(tmp_path / "new" / "boxes.txt"), boxes, atol=5e-5)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["boxes.txt"]


def test_written_with_four_decimals(tmp_path):
    write_boxes(tmp_path / "boxes.txt", np.array([[1, 2.00004, 3.00006, np.nan], [5, 6, 7, 8]]))
    assert (tmp_path / "boxes.txt").read_text() == "1.0000,2.0000,3.0001,nan\n5.0000,6.0000,7.0000,8.0000\n"


@pytest.mark.parametrize("shape", [(2, 3), (4, 4, 4), (2, 5)])
def test_only_boxes_are_written(tmp_path, shape):
    with pytest.raises(ValueError, match=r"shape \(T, 4\)"):
        write_boxes(tmp_path / "boxes.txt", np.zeros(shape))


number = st.one_of(st.integers(0, 900), st.integers(0, 90000).map(lambda value: value / 100))
box = st.tuples(number, number, number.map(lambda v: v + 1), number.map(lambda v: v + 1))
FORMS = {
    "x,y,w,h": lambda x, y, w, h: (x, y, w, h),
    "x1,y1,x2,y2": lambda x, y, w, h: (x, y, x + w, y + h),
    "cx,cy,w,h": lambda x, y, w, h: (x + w / 2, y + h / 2, w, h),
    "h,y,x,w": lambda x, y, w, h: (h, y, x, w),
    "x1,y1,x2,y2,x3,y3,x4,y4": lambda x, y, w, h: (x, y, x + w, y, x + w, y + h, x, y + h),
}


@st.composite
def files(draw):
    """A file in some form, its bytes, and the boxes that its author meant."""
    boxes = draw(st.lists(st.one_of(box, st.none()), min_size=1, max_size=5).filter(any))
    form = draw(st.sampled_from(sorted(FORMS)))
    separator = draw(st.sampled_from([",", ", ", ";", " ; ", "\t", " ", "   "]))
    point = draw(st.sampled_from([".", ","]))
    decimals = draw(st.sampled_from(["{:g}", "{:.2f}", "{:.4f}"]))
    mark = draw(st.sampled_from(["nan", "NaN", "-"]))
    extra = draw(st.integers(0, 3))
    tail = draw(st.sampled_from(["", separator.strip()]))
    named = draw(st.booleans())
    lines = [(form + ",score" * extra).replace(",", separator)] if named else []
    if draw(st.booleans()):
        lines.insert(0, "# a comment")
    for row in boxes:
        fields = (
            [mark] * len(form.split(",")) if row is None else [decimals.format(value).replace(".", point) for value in FORMS[form](*row)]
        )
        lines.append(separator.join(fields + ["1"] * extra) + tail)
    if draw(st.integers(0, 9)) == 0:
        lines.insert(draw(st.integers(0, len(lines))), "")
    ending = draw(st.sampled_from(["\n", "\r\n", "\r\r\n"]))
    data = (ending.join(lines) + draw(st.sampled_from(["", ending, ending * 3]))).encode(
        draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    )
    meant = np.array([[np.nan] * 4 if row is None else row for row in boxes], float)
    return data, meant, named or form in ("x,y,w,h", "x1,y1,x2,y2,x3,y3,x4,y4")


@settings(max_examples=200)
@given(files())
def test_a_file_gives_the_boxes_that_were_meant_or_one_line(tmp_path_factory, file):
    """Never other boxes; a form that says what its columns are is read."""
    data, meant, says = file
    path = tmp_path_factory.mktemp("any") / "boxes.txt"
    try:
        found = read(path, data).boxes
    except ValueError as err:
        assert "\n" not in str(err) and len(str(err)) < 500
        return
    if says:
        assert found.shape == meant.shape
        np.testing.assert_allclose(found, meant, rtol=1e-4, atol=0.011)
