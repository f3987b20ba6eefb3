"""The verb adapt, from tables on disk through real measuring (of the simulated runtime) to a predictor."""

import json

import pytest

import chiptrack
from latency_tables.measuring.setup import Setup
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.fit import fit
from predictors.load import load_predictor
from predictors.transfer.adapt import adapt
from supernet.families import FAMILIES
from supernet.runtimes.simulated import Simulated

SOURCE = SHIPPED / "nano-mnn-fp32.csv"
SIMULATED = Setup(runtime="simulated")


@pytest.fixture(scope="module")
def adapted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapted")
    fit(LatencyTable.load(SHIPPED / "nano-onnxruntime-fp32.csv")).save(folder / "other.json")
    out = folder / "p.json"
    return out, adapt(from_=[SOURCE, folder / "other.json"], setup=SIMULATED, networks=4, out=out)


def refused(capsys, *words):
    with pytest.raises(SystemExit) as exit_:
        chiptrack.main(["adapt", *words])
    said = capsys.readouterr().err.splitlines()[-1]
    assert exit_.value.code == 2 and said.startswith("chiptrack: error: ")
    return said


def test_measured_networks_lie_beside_the_predictor(adapted):
    out, answer = adapted
    assert sorted(path.name for path in out.parent.iterdir()) == ["other.json", "p.json", "p.networks-1.csv", "p.networks-1.json"]
    table, predictor = LatencyTable.load(out.with_name("p.networks-1.csv")), load_predictor(out)
    assert not table.operators and len(table.networks) == 8
    assert answer["networks"] == 4 and predictor.profile.runtime == "simulated"
    assert predictor.about["fit"]["from"] == [str(SOURCE), str(out.with_name("other.json"))]
    assert {row["name"]: row["measured_ms"] for row in predictor.about["fit"]["held_out"]} == pytest.approx(table.network_ms("search"))


def test_the_predictor_knows_the_new_chip(adapted):
    """Networks of the roofline, which differs from the two real runtimes it was adapted from."""
    out, answer = adapted
    measured = LatencyTable.load(out.with_name("p.networks-1.csv")).network_ms("search")
    predicted = load_predictor(out).predict([FAMILIES["nano"].parse(name) for name in measured]).value
    assert predicted == pytest.approx(list(measured.values()), rel=0.05)
    assert 0 < answer["error_expected"] < 25 and answer["interval"]["low"] < 1 < answer["interval"]["high"]


def test_a_second_run_needs_resume_and_measures_nothing_again(adapted, capsys):
    out, answer = adapted
    before = {path: path.read_bytes() for path in out.parent.iterdir()}
    flags = ["--from", str(SOURCE), str(out.with_name("other.json")), "--runtime", "simulated", "--networks", "4", "--out", str(out)]
    assert "add --resume or choose another --out" in refused(capsys, *flags)
    assert chiptrack.main(["adapt", *flags, "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["error_expected"] == answer["error_expected"]
    assert {path: path.read_bytes() for path in out.parent.iterdir()} == before


def test_measuring_stops_when_the_error_is_small_enough(tmp_path, capsys):
    answer = adapt(from_=[SOURCE], setup=SIMULATED, networks=9, max_error=30, out=tmp_path / "p.json")
    assert answer["networks"] == 3 and answer["error_expected"] <= 30
    assert "network 2: the expected error was" in capsys.readouterr().err
    assert [path.name for path in sorted(tmp_path.glob("*.csv"))] == ["p.networks-1.csv"]


def test_networks_that_do_not_run_are_left_out(tmp_path, monkeypatch, capsys):
    """Two of the first three do not run, so the next three are measured as well."""
    prepare, lacking = Simulated.prepare, set()

    def fussy(self, model):
        name = model.name.split(":", 1)[1].rpartition(":")[0]
        if model.name.startswith("network:") and (name in lacking or len(lacking) < 2):
            lacking.add(name)
            raise RuntimeError("too new")
        return prepare(self, model)

    monkeypatch.setattr(Simulated, "prepare", fussy)
    answer = adapt(from_=[SOURCE], setup=SIMULATED, networks=6, max_error=30, out=tmp_path / "p.json")
    said = capsys.readouterr().err
    assert answer["networks"] == 4 and all(said.count(f"left out: {name} does not run") == 1 for name in lacking)
    assert [said.count(f"network {n}: the expected error was") for n in (1, 2, 4, 5)] == [1, 1, 1, 0]


@pytest.mark.parametrize(
    "words, said",
    [
        (["--networks", "2"], "networks must be from 3 to 50, got 2"),
        (["--networks", "51"], "networks must be from 3 to 50, got 51"),
        (["--max-error", "0"], "max_error must be a positive percentage, got 0.0"),
        (["--seed", "-1"], "seed must be 0 or more, got -1"),
        (["--runtime", "tensorrt"], "tensorrt"),
        (["--precision", "int3"], "precision of simulated must be one of fp32, int8, got 'int3'"),
        (["--device", "board"], "device must be local"),
        (["--from", "absent.json"], "a predictor must be a file, absent.json is none"),
        (["--from", "absent.csv"], "absent"),
        (["--from", str(SOURCE), str(SHIPPED / "lighttrack-mnn-fp32.csv")], "must be of one family, got"),
        (["--out", str(SOURCE)], "must"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, capsys, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    usual = {"--from": [str(SOURCE)], "--runtime": ["simulated"], "--out": ["p.json"]}
    given = {**usual, words[0]: words[1:]}
    assert said in refused(capsys, *(word for flag, values in given.items() for word in (flag, *values)))
    assert not list(tmp_path.iterdir())
