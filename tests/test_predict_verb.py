"""The verb `predict` from the command line: what it answers, and what it refuses to answer."""

import json
from pathlib import Path

import pytest

import chiptrack
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
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
    assert chiptrack.main(["predict", *NAMES, "--predictor", predictor, "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in records] == NAMES
    assert all(0 < record["low_ms"] < record["latency_ms"] < record["high_ms"] for record in records)


def test_there_is_one_search_crop_and_no_flag_for_another(capsys, predictor):
    assert "unrecognized arguments: --search-size 256" in refused(capsys, NAMES[0], "--predictor", predictor, "--search-size", "256")


def test_another_family_is_refused(capsys, predictor):
    said = refused(capsys, "lighttrack-mobile", "--predictor", predictor)
    assert "knows the family nano" in said and "lighttrack" in said


def test_a_predictor_of_other_sizes_is_refused(capsys, predictor, tmp_path):
    record = json.loads(Path(predictor).read_text())
    (tmp_path / "p.json").write_text(json.dumps(record | {"search_size": 128}))
    assert "knows template crops of 48 px and search crops of 128 px" in refused(capsys, NAMES[0], "--predictor", str(tmp_path / "p.json"))


def test_memory_is_fitted_and_predicted_by_the_same_verbs(capsys, tmp_path):
    table, out = str(SHIPPED / "nano-mnn-fp32.csv"), str(tmp_path / "m.json")
    assert chiptrack.main(["fit-predictor", table, "--metric", "memory", "--out", out, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["metric"] == "memory" and said["scores"][said["chosen"]]["error"] < 0.1
    assert chiptrack.main(["predict", *NAMES, "--predictor", out, "--json"]) == 0
    for record in json.loads(capsys.readouterr().out):
        measured = TABLE.networks[record["name"], "search"].memory_mb
        assert record["memory_mb"] == pytest.approx(measured, rel=0.15)
        assert record["low_mb"] < record["memory_mb"] < record["high_mb"]
    assert "knows the family nano" in refused(capsys, "lighttrack-mobile", "--predictor", out)


def test_energy_that_nobody_measured_is_refused(capsys, tmp_path):
    with pytest.raises(SystemExit):
        chiptrack.main(["fit-predictor", str(SHIPPED / "nano-mnn-fp32.csv"), "--metric", "energy", "--out", str(tmp_path / "e.json")])
    assert "needs energy_mj of at least 3 networks, the table has 0" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
