"""Studies, journals, tables and agents that say what they must not."""

import json

import pytest

from benchmarks.fuzzing import latency_files, search_files
from benchmarks.fuzzing.reader import write_files
from latency_tables.tables.table import LatencyTable
from search.study.study import read_candidates
from tests.refusing import refused


def changed_lines(content: bytes, which, change) -> bytes:
    """Lines of JSON, the first of which that `which` holds for is changed."""
    records = [json.loads(line) for line in content.splitlines()]
    change(next(record for record in records if which(record)))
    return b"".join(json.dumps(record).encode().replace(b'"HUGE"', b"1e999") + b"\n" for record in records)


def set_param(record):
    record["params"][next(iter(record["params"]))] = -1


def set_scores(value):
    def change(record):
        record["user_attr"]["outcome"]["scores"]["ao"] = [0.5, value]

    return change


@pytest.mark.parametrize(
    "code, change",
    [
        (4, set_param),
        (4, lambda record: record["user_attrs"]["values"].update(macs=True)),
        (4, lambda record: record["user_attrs"]["values"].update(macs="HUGE")),
        *((8, set_scores(value)) for value in (True, "HUGE", "0.5", None, 10**400)),
        (2, lambda record: record["user_attr"]["about"].update(family="none")),
        (2, lambda record: record["user_attr"]["about"]["metrics"][0].update(direction="sideways")),
    ],
)
def test_a_study_holds_finite_numbers_of_known_architectures(tmp_path, code, change):
    files = search_files._study()
    lines = changed_lines(files["study/journal.log"], lambda record: record["op_code"] == code, change)
    write_files({"study/journal.log": lines}, tmp_path)
    refused(read_candidates, tmp_path / "study")


@pytest.mark.parametrize("url", ["sqlite:////tmp/x.db", "postgresql://me:secret@host/studies", "mysql://me@host/studies", "../study", ""])
def test_a_study_names_no_other_database(tmp_path, url):
    (tmp_path / "database.json").write_text(json.dumps({"url": url, "study": "s"}))
    assert "secret" not in refused(read_candidates, tmp_path)


@pytest.mark.parametrize(
    "kind, change",
    [
        ("time", {"round": 99}),
        ("time", {"round": -1}),
        ("time", {"low_ms": "1"}),
        ("time", {"quantiles": [1, 2, 3]}),
        ("time", {"graph": "another"}),
        ("time", {"graph": "reference", "low_ms": 0}),
        ("time", {"runs": True}),
        ("ready", {"difference": "0"}),
        ("memory", {"mb": -1}),
        ("energy", {"kind": "heat"}),
    ],
)
def test_a_journal_is_about_its_own_models_and_rounds(tmp_path, kind, change):
    measured = tmp_path / "whole.csv.part"
    latency_files._measure(measured, resume=False)
    lines = changed_lines(measured.read_bytes(), lambda record: record.get("kind") == kind, lambda record: record.update(change))
    (tmp_path / "t.csv.part").write_bytes(lines)
    assert "must hold what its measurement wrote" in refused(lambda path: latency_files._measure(path, True), tmp_path / "t.csv.part")


@pytest.mark.parametrize(
    "number, answer",
    [
        (0, {"version": 1, "chip": "c", "os": "o", "governor": "g", "cores": 4}),
        (0, {"version": "1", "chip": "c", "os": "o", "governor": "g", "cores": True}),
        (1, {"runtimes": {"onnxruntime": 3}}),
        (2, {"mhz": "fast", "celsius": None}),
        (3, {"stored": "yes"}),
        (5, {"mb": -1}),
        (6, {"meter": None, "mj": 2.0}),
        (7, {}),
        (8, {"outputs": [{"shape": [10**12], "values": "AACAPwAAAEA="}]}),
        (8, {"outputs": [{"shape": [2], "values": "AAC"}]}),
        (9, {"cpu_ms": [1.0], "wall_ms": [1.0]}),
        (9, {"cpu_ms": [1.0, True], "wall_ms": [1.0, 2.0]}),
    ],
)
def test_an_agent_answers_what_it_was_asked(tmp_path, number, answer):
    lines = latency_files._answers()["answers.jsonl"].splitlines()
    lines[number] = json.dumps(answer).encode()
    (tmp_path / "answers.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    assert "an agent must answer as chiptrack's does" in refused(lambda path: latency_files._hear(path.parent), tmp_path / "answers.jsonl")


@pytest.mark.parametrize(
    "request_", [{"do": "time", "name": "m", "runs": 10**12}, {"do": "introduce", "name": "m", "sha256": "/dev/zero", "shapes": {}}]
)
def test_an_agent_takes_no_request_that_would_fill_its_memory(tmp_path, request_):
    lines = latency_files._requests()["requests.jsonl"] + json.dumps(request_).encode() + b"\n"
    (tmp_path / "requests.jsonl").write_bytes(lines)
    assert "must" in latency_files._answer(tmp_path)[-1]["error"]


@pytest.mark.parametrize(
    "change", [lambda rows: rows.replace("cpu_ms,wall_ms", "cpu_ms,cpu_ms"), lambda rows: rows.replace(",runs", ",runs,runs")]
)
def test_a_table_has_each_column_once(tmp_path, change):
    files = latency_files._table()
    spoiled = {**files, "t.csv": change(files["t.csv"].decode()).encode()}
    write_files(latency_files._signed(spoiled), tmp_path)
    assert "must have" in refused(LatencyTable.load, tmp_path / "t.csv")
