"""The verb `predict` from the command line: what it answers, and what it refuses to answer."""

import json
from pathlib import Path

import pytest

import chiptrack
from latency_tables.table import LatencyTable
from latency_tables.tables import SHIPPED
from predictors.fit import fit

TABLE = LatencyTable.load(SHIPPED / "nano-mnn-fp32.csv")
NAMES = list(TABLE.network_ms("search"))[:2]


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    path = tmp_path_factory.mktemp("p") / "p.json"
    fit(TABLE).save(path)
    return str(path)


def refused(capsys, *words):
    with pytest.raises(SystemExit) as end:
        chiptrack.main(["predict", *words])
    captured = capsys.readouterr()
    assert end.value.code == 2 and captured.out == "" and captured.err.count("\n") == 1
    return captured.err


def test_one_record_for_each_architecture(capsys, predictor):
    assert chiptrack.main(["predict", *NAMES, "--predictor", predictor, "--search-size", "96", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in records] == NAMES
    assert all(0 < record["low_ms"] < record["latency_ms"] < record["high_ms"] for record in records)


def test_another_search_crop_is_refused(capsys, predictor):
    said = refused(capsys, NAMES[0], "--predictor", predictor, "--search-size", "256")
    assert "knows search crops of 96 px" in said and "256" in said


def test_another_family_is_refused(capsys, predictor):
    said = refused(capsys, "lighttrack-mobile", "--predictor", predictor)
    assert "knows the family nano" in said and "lighttrack" in said


def test_a_predictor_of_other_sizes_is_refused(capsys, predictor, tmp_path):
    record = json.loads(Path(predictor).read_text())
    (tmp_path / "p.json").write_text(json.dumps(record | {"search_size": 128}))
    assert "knows template crops of 48 px and search crops of 128 px" in refused(capsys, NAMES[0], "--predictor", str(tmp_path / "p.json"))
