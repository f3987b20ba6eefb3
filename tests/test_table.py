import dataclasses
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.tables.measurement import Measurement
from latency_tables.tables.profile import Profile
from latency_tables.tables.table import LatencyTable, MissingOperators, manifest_path
from supernet.families import FAMILIES

PROFILE = Profile("nano", "local", "onnxruntime", "1", 1, "fp32", "", "cpu", "chip", "os")
OPERATORS = FAMILIES["nano"].all_operators[:4]


def row(units, flag="", memory_mb=None):
    return Measurement(units, units, units, units, units, 0.01, units, units, units, units, 50, memory_mb, flag=flag)


TABLE = LatencyTable(
    PROFILE,
    reference_ms=2.0,
    operators={op.key: row(i + 1.0) for i, op in enumerate(OPERATORS)},
    networks={("nano:net", "search"): row(9.0, "unsteady"), ("nano:net", "template"): row(3.0, memory_mb=12.5)},
    about={"date": "today"},
    unsupported={("search:odd:1x2x2>1x2x2:", "search"): 'no such layer, "odd"', ("nano:other", "template"): "crashed"},
)


@pytest.fixture
def path(tmp_path):
    TABLE.save(tmp_path / "t.csv")
    return tmp_path / "t.csv"


def test_save_and_load(path):
    assert LatencyTable.load(path, "nano") == TABLE
    assert TABLE.flagged == json.loads(manifest_path(path).read_text())["flagged"] == 1


def test_saving_twice_writes_the_same_bytes(path):
    before = path.read_bytes()
    LatencyTable.load(path).save(path)
    assert path.read_bytes() == before


def test_sums_repeats_in_milliseconds():
    assert TABLE.latency_ms([OPERATORS[0], OPERATORS[0], OPERATORS[2]]) == 2 * (1 + 1 + 3)
    assert TABLE.network_ms("search") == {"nano:net": 18.0}
    assert TABLE.network_ms("template") == {"nano:net": 6.0}


def test_missing_operators_are_all_named():
    absent = FAMILIES["lighttrack"].all_operators[:2]
    with pytest.raises(MissingOperators) as error:
        TABLE.latency_ms([OPERATORS[0], *absent, absent[0]])
    assert error.value.keys == tuple(sorted(op.key for op in absent))
    assert all(op.key in str(error.value) for op in absent)


def test_what_the_runtime_cannot_run_is_named_with_the_reason():
    assert TABLE.unsupported_operators == {"search:odd:1x2x2>1x2x2:": 'no such layer, "odd"'}
    table = dataclasses.replace(TABLE, unsupported={(OPERATORS[3].key, "search"): "no such layer"}, operators={})
    with pytest.raises(MissingOperators, match=r"the runtime has no .* \(no such layer\)"):
        table.latency_ms([OPERATORS[3]])


def test_wrong_family_is_refused(path):
    with pytest.raises(ValueError, match="must be of family lighttrack"):
        LatencyTable.load(path, "lighttrack")


def test_changed_rows_are_refused(path):
    path.write_text(path.read_text().replace("3", "4"))
    with pytest.raises(ValueError, match="checksum"):
        LatencyTable.load(path)


def edited(path, change):
    """Change the rows as somebody would who keeps the checksum right."""
    text = change(path.read_text())
    path.write_text(text)
    manifest = json.loads(manifest_path(path).read_text())
    manifest_path(path).write_text(json.dumps({**manifest, "sha256": hashlib.sha256(text.encode()).hexdigest()}))
    return path


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda text: text.replace("cpu_ms", "ms"), "lacks cpu_ms"),
        (lambda text: "", "lacks kind, name"),
        (lambda text: text + text.splitlines()[1] + "\n", "repeats"),
        (lambda text: text + text, "must have one header, line 10 of .* is another"),
        (lambda text: text.replace(f"{OPERATORS[0].key},search", f"{OPERATORS[0].key},template"), "begin with its branch"),
        (lambda text: text.replace("nano:net,search,9", "nano:net,search,nan"), "cpu_ms must be positive and finite"),
        (lambda text: text.replace("nano:net,search,9", "nano:net,search,-9"), "cpu_ms must be positive and finite"),
        (lambda text: text.replace("nano:net,search,9", "nano:net,search,0"), "cpu_ms must be positive and finite"),
        (lambda text: text.replace("nano:net,search,9", "nano:net,search,1e300"), r"got 1e300 in line . .*\(1e-09 to 1e\+09"),
        (lambda text: text.replace("nano:net,search,9", "nano:net,search,fast"), "cpu_ms must be a number"),
        (lambda text: text.replace("nano:net,search", "nano:net,both"), "branch template or search"),
        (lambda text: text[: text.index("nano:net,template") + 40], "must have 17 cells"),
        (lambda text: text + "a" * 200_000 + "\n", "CSV"),
    ],
)
def test_broken_rows_are_refused_with_one_line(path, change, words):
    with pytest.raises(ValueError, match=words) as error:
        LatencyTable.load(edited(path, change))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"format": 2}', "[" * 100_000])
def test_a_broken_manifest_is_refused(path, content):
    manifest_path(path).unlink()
    if content is not None:
        manifest_path(path).write_text(content)
    with pytest.raises(ValueError):
        LatencyTable.load(path)


@pytest.mark.parametrize("value", ["0", "-1", "NaN", '"x"', "[]"])
def test_a_broken_reference_is_refused(path, value):
    manifest = manifest_path(path)
    manifest.write_text(manifest.read_text().replace(f'"reference_ms": {TABLE.reference_ms}', f'"reference_ms": {value}'))
    with pytest.raises(ValueError, match="manifest"):
        LatencyTable.load(path)


def test_name_must_end_in_csv(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.csv"):
        TABLE.save(tmp_path / "table.json")


@given(st.floats(1e-6, 1e6), st.sampled_from(["", "unsteady", "unsteady+unresolved"]))
def test_figures_survive_a_file(tmp_path_factory, units, flag):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    dataclasses.replace(TABLE, operators={OPERATORS[0].key: row(units, flag)}).save(path)
    read = LatencyTable.load(path).operators[OPERATORS[0].key]
    assert read.reference_units == pytest.approx(units, rel=1e-5)
    assert read.flag == flag
