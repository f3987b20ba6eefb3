"""Files that somebody made to do harm, or that a disk has spoiled: every reader reads them or refuses them in one line, and stays small."""

import hashlib
import json

import pytest

from benchmarks.fuzzing import READERS
from benchmarks.fuzzing.reader import Reader
from benchmarks.fuzzing.trial import attempt, made
from latency_tables.measuring.journal import Journal
from latency_tables.tables.foreign.nn_meter import NnMeter
from latency_tables.tables.table import LatencyTable
from predictors.load import load_predictor
from search.page.files import read_settings, read_summary
from search.study.study import read_candidates
from search.verbs import demo
from search.verbs.from_scratch import scratch_settings
from search.verbs.summary import read_found
from supernet.catalogue import find_architecture
from supernet.deploy.bundle import load_bundle
from tests.refusing import refused
from tracking.files.annotations import read_boxes
from tracking.files.records import parse_record, read_record
from tracking.sequence import load_sequence

_SLOW = {
    "page of a search": 1,
    "predictor of memory, trees": 2,
    "predictor of memory, blend": 2,
    "latency table": 4,
    "state of a training": 3,
}
"""Number of inputs for readers that take long."""


def _param(reader: Reader):
    slow = [pytest.mark.slow] if reader.name == "checkpoint of a supernet" else []  # whose file is read as that of a tracker is
    return pytest.param(reader, marks=slow, id=reader.name.replace(" ", "-"))


@pytest.mark.parametrize("reader", [_param(reader) for reader in READERS])
def test_spoiled_files_are_read_or_refused_in_one_line(reader, tmp_path):
    valid = reader.make()
    assert attempt(reader, valid, tmp_path / "input").kind == "read"
    for seed in range(_SLOW.get(reader.name, 8)):
        outcome = attempt(reader, made(reader, valid, seed), tmp_path / "input")
        assert outcome.good, f"input {seed}: {outcome}; python -m benchmarks.fuzz --only '{reader.name}' keeps it"


DEEP = b'{"a":' * 100_000


@pytest.mark.parametrize(
    "name, read",
    [
        ("a.json", read_record),
        ("a.json", lambda path: find_architecture(str(path))),
        ("p.json", load_predictor),
        ("settings.json", read_settings),
        ("summary.json", lambda path: read_summary(path, {})),
        ("tracker.json", lambda path: load_bundle(path.parent)),
        ("database.json", lambda path: read_candidates(path.parent)),
        ("settings.json", lambda path: scratch_settings(path.parent, 12.0)),
        ("settings.json", lambda path: demo._settings(path, demo.Settings(8.0, "elastic", 80))),
    ],
)
@pytest.mark.parametrize(
    "content",
    [
        DEEP,
        b'{"a": ' + b"9" * 1_000_000 + b"}",
        b'{"a": 1e999}',
        b'{"a": NaN}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\xff"}',
        b'{"a": 1, "a": 2}',
        b"\0" * 100,
        b"true",
        b"",
    ],
    ids=["deep", "digits", "1e999", "NaN", "surrogate", "raw-surrogate", "not-utf-8", "twice", "NUL", "bool", "empty"],
)
def test_hostile_json_is_refused_wherever_it_is_read(tmp_path, name, read, content):
    (tmp_path / name).write_bytes(content)
    refused(read, tmp_path / name)


def test_json_is_not_read_beyond_what_a_record_may_have(tmp_path):
    with (tmp_path / "a.json").open("wb") as file:
        file.write(b'{"a": [')
        file.truncate(10**12)  # a file with a hole, as large as it says
    assert "longer than 24 MB" in refused(read_record, tmp_path / "a.json")
    (tmp_path / "a.json").write_bytes(b'{"a": [' + b"[]," * 20_000_000)
    assert "longer than 24 MB" in refused(read_record, tmp_path / "a.json")


@pytest.mark.parametrize("number, right", [("9223372036854775807", True), ("-9223372036854775808", True), ("9223372036854775808", False)])
def test_whole_numbers_have_64_bits(number, right):
    if right:
        assert parse_record(f'{{"a": {number}}}') == {"a": int(number)}
    else:
        with pytest.raises(ValueError, match="64 bits"):
            parse_record(f'{{"a": {number}}}')


LARGE = 100_000_000


@pytest.mark.parametrize(
    "name, read",
    [
        ("t.csv", lambda path: NnMeter([path])),
        ("t.csv.part", lambda path: Journal(path, {}, resume=True)),
        ("journal.log", lambda path: read_candidates(path.parent)),
        ("t.csv", lambda path: LatencyTable.load(path)),
    ],
)
def test_a_line_of_100_mb_is_refused(tmp_path, name, read):
    with (tmp_path / name).open("wb") as file:
        file.truncate(LARGE)
    (tmp_path / "t.json").write_text('{"format": 2, "profile": {}, "reference_ms": 1}')
    assert "longer than" in refused(read, tmp_path / name)


def test_a_table_of_100_000_columns_is_refused(tmp_path):
    rows = "latency," + ",".join(f"c{i}" for i in range(100_000)) + "\n" + ",".join(["1"] * 100_001) + "\n"
    (tmp_path / "t.csv").write_text(rows)
    refused(lambda path: NnMeter([path]), tmp_path / "t.csv")
    (tmp_path / "t.json").write_text(json.dumps({"format": 2, "sha256": hashlib.sha256(rows.encode()).hexdigest()}))
    refused(LatencyTable.load, tmp_path / "t.csv")


@pytest.mark.parametrize("content", [b"1,2,3,4\n\xff\n", b"1,2,3,4\0\n", b"1,2,3,\xed\xa0\x80\n"])
def test_bytes_that_are_no_text_are_no_boxes(tmp_path, content):
    (tmp_path / "img").mkdir()
    (tmp_path / "groundtruth.txt").write_bytes(content)
    (tmp_path / "img" / "1.jpg").write_bytes(b"")
    refused(read_boxes, tmp_path / "groundtruth.txt")
    refused(lambda path: load_sequence(path.parent), tmp_path / "groundtruth.txt")


@pytest.mark.parametrize("file", ["../../etc/passwd", "front/../../x.json", "/etc/passwd", "front/01.json\n", ""])
def test_the_winner_of_a_demo_lies_on_its_front(tmp_path, file):
    winner = {"file": file, "values": {"latency_ms": 1.0}}
    (tmp_path / "summary.json").write_text(
        json.dumps({"winner": winner, "front": 1, "rescored": 0, "evaluations": 1, "why": "", "ties": [], "tie_within": None})
    )
    assert "the winner's file" in refused(lambda path: read_found(path.parent), tmp_path / "summary.json")
