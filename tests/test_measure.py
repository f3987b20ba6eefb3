import dataclasses
import json
import os
from functools import partial
from pathlib import Path

import pytest

import chiptrack
from latency_tables.measuring import check
from latency_tables.measuring.carry_out import carry_out
from latency_tables.measuring.check import check_table
from latency_tables.measuring.measure import measure
from latency_tables.measuring.networks import draw
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.protocol import Protocol
from latency_tables.measuring.setup import Setup
from latency_tables.tables.excluded import excluded
from latency_tables.tables.table import LatencyTable, manifest_path
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
OPERATORS = [op for op in NANO.all_operators if op.kind in ("stem", "cls", "join")]
QUICK = Protocol(rounds=2, min_ms=1.0, reference_every=4, pause_s=0.05)
SETTINGS = {field.name for field in dataclasses.fields(Setup)}


def plan(**changes):
    return Plan(**{"family": NANO, "operators": tuple(OPERATORS), "architectures": tuple(draw(NANO, 1, 0)), "protocol": QUICK, **changes})


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    out = tmp_path_factory.mktemp("measured") / "sub" / "t.csv"
    return out, carry_out(plan(), out=out)


def test_table_holds_every_operator_and_both_branches_of_every_network(measured):
    out, table = measured
    assert set(table.operators) == {op.key for op in OPERATORS}
    assert {branch for _, branch in table.networks} == {"search", "template"}
    assert all(m.reference_units > 0 and m.runs >= 10 for m in [*table.operators.values(), *table.networks.values()])
    search, template = (table.network_ms(branch).values() for branch in ("search", "template"))
    assert all(s > t for s, t in zip(search, template, strict=True))
    assert all(m.memory_mb > 0 and m.p05_ms <= m.p25_ms <= m.p75_ms <= m.p95_ms for m in table.networks.values())


def test_files_are_whole_and_nothing_else_is_left(measured):
    out, table = measured
    assert sorted(path.name for path in out.parent.iterdir()) == ["t.csv", "t.json"]
    assert LatencyTable.load(out, "nano").networks.keys() == table.networks.keys()
    about = json.loads(manifest_path(out).read_text())
    assert about["profile"]["runtime"] == "onnxruntime" and about["settings"]["rounds"] == 2 and about["date"] and about["governor"]
    assert about["readings"].keys() == {"mhz", "celsius"} and about["energy"]
    assert not list((Path(os.environ["XDG_CACHE_HOME"]) / "chiptrack").glob("models/*"))


def test_an_existing_table_is_kept(measured):
    out, _ = measured
    before = out.read_bytes()
    with pytest.raises(ValueError, match="must not replace another"):
        carry_out(plan(), out=out)
    models, journal = Path(os.environ["XDG_CACHE_HOME"]) / "chiptrack/models", out.with_name(out.name + ".part")
    models.mkdir(parents=True, exist_ok=True)
    journal.touch()  # as if it had been killed when the table was there and the models still on the device
    carry_out(plan(), out=out, resume=True)
    assert not models.exists() and not journal.exists()
    with pytest.raises(ValueError, match="seed was 0, is 5"):
        carry_out(plan(seed=5), out=out, resume=True)
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"family": "resnet"}, "family must be one of elastic, lighttrack, nano, got 'resnet'"),
        ({"device": "ftp://me@host"}, "device must be local.*, got 'ftp://me@host'"),
        ({"device": "local://x"}, "takes no address"),
        ({"runtime": "abacus"}, "a runtime must be one of .*onnxruntime.*, got 'abacus'"),
        ({"precision": "int7"}, "must be one of fp32, int8, got 'int7'"),
        ({"cores": "many"}, "cores must be numbers and ranges"),
        ({"cores": "0-99999999999"}, "cores must be numbers and ranges"),
        ({"wait_minutes": -1.0}, "wait_minutes must be 0 or more"),
        ({"wait_minutes": float("nan")}, "wait_minutes must be 0 or more, got nan"),
        ({"threads": 0}, "threads must be from 1 to 1024, got 0"),
        ({"threads": 10**9}, "threads must be from 1 to 1024"),
        ({"networks": -1}, "networks must be from 0 to 1000, got -1"),
        ({"seed": -1}, "seed must be from 0 to inf, got -1"),
        ({"networks": 10**9}, "networks must be from 0 to 1000"),
        ({"out": Path("table.txt")}, r"must end in \.csv"),
    ],
)
def test_bad_input_is_refused_at_once(tmp_path, wrong, words):
    setup = Setup(**{name: value for name, value in wrong.items() if name in SETTINGS})
    others = {name: value for name, value in wrong.items() if name not in SETTINGS}
    with pytest.raises(ValueError, match=words):
        measure(**{"family": "nano", "out": tmp_path / "t.csv", "setup": setup, **others})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words, said",
    [
        ("", "required: --family, --out"),
        ("--family nano", "required: --out"),
        ("--check t.csv --family nano --out u.csv", "unrecognized arguments: --family nano --out u.csv"),  # the table says them
        ("--check=t.csv --device ssh://host", "unrecognized arguments: --device ssh://host"),
        ("--check t.csv --resume", "unrecognized arguments: --resume"),
    ],
)
def test_flags_that_are_missing_or_too_many_are_one_line(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        chiptrack.main(["measure", *words.split()])
    printed = capsys.readouterr()
    assert (end.value.code, printed.out, len(printed.err.splitlines())) == (2, "", 1) and said in printed.err
    assert not list(tmp_path.iterdir())


def test_cores_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(ConnectionError, match="cores must be some that a process can be kept on, 0,4000 are not; choose others"):
        carry_out(plan(setup=Setup(runtime="simulated", cores="0,4000")), out=tmp_path / "t.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("one_ms, runs", [(100, 10), (1, 10), (0.1, 100), (0.001, 500)])
def test_short_graphs_run_more_often(one_ms, runs):
    assert Protocol(min_runs=10, max_runs=500, min_ms=10).runs(one_ms) == runs


def simulated(tmp_path, **changes):
    return carry_out(plan(setup=Setup(runtime="simulated"), **{"protocol": Protocol(rounds=1), **changes}), out=tmp_path / "t.csv")


def test_a_simulation_says_so_in_every_row_and_repeats_to_the_byte(tmp_path):
    (tmp_path / "again").mkdir()
    table = simulated(tmp_path)
    rows = (tmp_path / "t.csv").read_text()
    assert all("simulated" in m.flag for m in [*table.operators.values(), *table.networks.values()])
    assert all("simulated" in row for row in rows.splitlines()[1:])
    simulated(tmp_path / "again")
    assert (tmp_path / "again" / "t.csv").read_text() == rows


def test_a_table_adds_up_to_its_networks_where_nothing_is_noisy(tmp_path):
    """Chains cancel all that is not the operator, so on a roofline the sum is the network but for the joints between operators."""
    table = simulated(tmp_path, operators=tuple(set(NANO.operators(draw(NANO, 1, 0)[0]))))
    for name, ms in table.network_ms("search").items():
        operators = [op for op in NANO.operators(NANO.parse(name)) if op.branch == "search"]
        assert table.latency_ms(operators) == pytest.approx(ms, rel=0.1)


def test_what_a_runtime_cannot_run_is_recorded_with_the_reason_and_what_it_excludes(tmp_path, monkeypatch):
    from supernet.runtimes.simulated import Simulated

    prepare = Simulated.prepare

    def fussy(self, model):
        if "kernel=7" in model.name or (model.name.startswith("network:") and model.name.endswith(":template")):
            raise RuntimeError("no kernels of 7\nat all")
        return prepare(self, model)

    monkeypatch.setattr(Simulated, "prepare", fussy)
    operators = [*OPERATORS, *(op for op in NANO.all_operators if "kernel=7" in op.key)]
    table = simulated(tmp_path, operators=tuple(operators))
    assert LatencyTable.load(tmp_path / "t.csv").unsupported == table.unsupported
    lacking = table.unsupported_operators
    assert lacking and all(
        "kernel=7" in key and reason == "conversion failed: RuntimeError: no kernels of 7 at all" for key, reason in lacking.items()
    )
    assert set(table.operators) | set(lacking) == {op.key for op in operators}
    assert [(name, branch) for name, branch in table.unsupported if not name.startswith(branch)] == [(draw(NANO, 1, 0)[0].name, "template")]
    told = excluded(table)
    assert told["operators"] == lacking and 0.5 < told["share"] <= 1


@pytest.fixture
def quick_check(monkeypatch):
    monkeypatch.setattr(check, "Plan", partial(Plan, protocol=QUICK))


def test_a_runtime_that_lacks_what_nearly_every_network_has_still_gets_a_table(tmp_path, monkeypatch):
    from supernet.runtimes.simulated import Simulated

    prepare = Simulated.prepare

    def fussy(self, model):
        spelled = model.name.partition("network:")[2].rpartition(":")[0]
        keys = [op.key for op in NANO.operators(NANO.parse(spelled))] if spelled else [model.name]
        if any("kernel=7" in key for key in keys):
            raise RuntimeError("no kernels of 7")
        return prepare(self, model)

    monkeypatch.setattr(Simulated, "prepare", fussy)
    table = simulated(tmp_path)
    assert table.reference_ms > 0 and not table.networks and set(table.operators) == {op.key for op in OPERATORS}


def test_a_table_is_checked_on_its_device(measured, quick_check):
    out, table = measured
    answer = check_table(check=out)
    assert answer["changed"] == {} and 0.2 < answer["speed"] < 5
    assert answer["off"]["networks"]["median"] < 0.5


def test_a_table_of_another_device_does_not_hold(measured, quick_check, tmp_path):
    _, table = measured
    doubled = {row: dataclasses.replace(m, reference_units=2 * m.reference_units) for row, m in table.networks.items()}
    profile = dataclasses.replace(table.profile, runtime_version="0.1")
    dataclasses.replace(table, networks=doubled, profile=profile).save(tmp_path / "t.csv")
    answer = check_table(check=tmp_path / "t.csv")
    assert not answer["holds"] and -0.9 < answer["bias"] < -0.2
    assert list(answer["changed"]) == ["runtime_version"]


@pytest.mark.parametrize(
    "changes, settings, said",
    [
        ({"runtime": "simulated"}, {}, "only a measured table"),
        ({"runtime": "imported"}, {}, "only a measured table"),
        ({"family": "resnet"}, {}, "got 'resnet' in .*t.csv"),
        ({}, {"seed": -1}, "seed must be from 0 to inf, got -1"),
        ({}, {"wait_minutes": -1.0}, "wait_minutes must be 0 or more, got -1"),
        ({}, {"binary": Path(__file__)}, "--binary goes with the runtimes"),
    ],
)
def test_what_cannot_be_checked_is_told(measured, tmp_path, changes, settings, said):
    _, table = measured
    dataclasses.replace(table, profile=dataclasses.replace(table.profile, **changes)).save(tmp_path / "t.csv")
    with pytest.raises(ValueError, match=said):
        check_table(check=tmp_path / "t.csv", **settings)


def test_a_network_that_lacks_a_branch_is_not_checked(measured, quick_check, tmp_path):
    _, table = measured
    (name,) = {name for name, _ in table.networks}
    search = {row: m for row, m in table.networks.items() if row == (name, "search")}
    operators = dict(list(table.operators.items())[:1])
    dataclasses.replace(table, networks=search, operators=operators, unsupported={(name, "template"): "why"}).save(tmp_path / "t.csv")
    assert check_table(check=tmp_path / "t.csv")["off"]["networks"] == {"median": None, "largest": None}
