"""Records are read strictly: one object, finite numbers, the types that a dataclass declares."""

from dataclasses import dataclass

import pytest

from tracking.files.records import numbers, parse_record, read_record, typed


@dataclass(frozen=True)
class Point:
    """Some fields."""

    x: float
    steps: int = 1
    name: str = ""
    on: bool = False


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "Expecting value"),
        ('{"a": ', "Expecting value"),
        ("[]", "list in place of an object"),
        ("3", "int in place of an object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": NaN}', "finite, got NaN"),
        ('{"a": -Infinity}', "finite, got -Infinity"),
        ('{"a": 1e999}', "finite, got 1e999"),
        (b"\xff\xfe\xfd", "codec"),
    ],
)
def test_what_is_no_record(text, problem, tmp_path):
    with pytest.raises(ValueError, match=problem):
        parse_record(text)
    (tmp_path / "a.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=problem):
        read_record(tmp_path / "a.json")


@pytest.mark.parametrize(
    "record, problem",
    [
        ([1], "must be an object"),
        ({}, r"missing: \['x'\]"),
        ({"x": 1, "z": 1}, r"unknown: \['z'\]"),
        ({"x": "1"}, "x must be of type float"),
        ({"x": None}, "x must be of type float"),
        ({"x": True}, "x must be of type float"),
        ({"x": 1, "steps": 1.0}, "steps must be of type int"),
        ({"x": 1, "on": 1}, "on must be of type bool"),
        ({"x": 1, "name": ["a"]}, "name must be of type str"),
    ],
)
def test_what_is_not_of_the_type(record, problem):
    with pytest.raises(ValueError, match=problem):
        typed(Point, record)


def test_a_whole_number_is_a_float():
    assert typed(Point, {"x": 1, "on": True}) == Point(1, on=True)


@pytest.mark.parametrize("record", [[1], None, {"a": "1"}, {"a": None}, {"a": -1}, {"a": True}])
def test_what_is_no_numbers(record):
    with pytest.raises(ValueError, match="must be"):
        numbers(record)
    assert numbers({"a": 1, "b": 0.5}) == {"a": 1, "b": 0.5}
