"""The verb adapt, from tables on disk through real measuring (of the simulated runtime) to a predictor."""

import dataclasses
import json
import re

import pytest

import chiptrack
from latency_tables.measuring.setup import Setup
from latency_tables.tables.measurement import Measurement
from latency_tables.tables.profile import Profile
from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.fit import fit
from predictors.load import load_predictor
from predictors.transfer.adapt import adapt
from predictors.transfer.new_chip import NewChip
from supernet.families import FAMILIES
from supernet.runtimes.simulated import Simulated

NANO = FAMILIES["nano"]
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


class Reached(Exception):
    """The arguments were accepted, and measuring would begin."""


def refuse_to_measure(*args, **kwargs):
    raise Reached


@pytest.fixture
def bench(monkeypatch):
    """Measures in an instant: networks take as long as their multiply-adds are many; the device is slower from table to table.

    Has the plans as they come, the names of the files, `resume`, and `lacking`: positions, among all networks, of those that do not run.
    """

    class Bench:
        def __init__(self):
            self.plans, self.files, self.resumed, self.lacking = [], [], [], {}

        def carry_out(self, plan, out, resume):
            self.plans.append(plan)
            self.files.append(out.name)
            self.resumed.append(resume)
            number, networks, unsupported = len(self.plans), {}, {}
            for architecture in plan.architectures:
                place = sum(len(before.architectures) for before in self.plans[:-1]) + plan.architectures.index(architecture)
                for branch in ("search", "template"):
                    if self.lacking.get(place) in (branch, "both"):
                        unsupported[architecture.name, branch] = "too new"
                    else:
                        units = ms_of(architecture, branch) / 2.0
                        networks[architecture.name, branch] = Measurement(1.0, 1.0, units, units, units, 0.01, 1.0, 1.0, 1.0, 1.0, 9)
            profile = Profile("nano", "local", "simulated", "1", 1, "fp32", "", "wall", "chip", f"os {number}")
            # twice as slow in the second table and three times in the third, the reference model like all others
            LatencyTable(profile, 2.0 * number, {}, networks, {}, unsupported).save(out)

    made = Bench()
    monkeypatch.setattr("predictors.transfer.adapt.carry_out", made.carry_out)
    monkeypatch.setattr("predictors.transfer.new_chip._RANDOM", 60)  # which takes less time
    monkeypatch.setattr("predictors.transfer.imagined.CHIPS", 40)
    return made


def ms_of(architecture, branch):
    return NANO.counts(architecture, branch).macs / 1e7


def test_ten_networks_are_measured_at_once(tmp_path, bench):
    answer = adapt(from_=[SOURCE], setup=SIMULATED, out=tmp_path / "p.json")
    assert answer["networks"] == 10 and bench.files == ["p.networks-1.csv"] and bench.resumed == [False]
    (plan,) = bench.plans
    assert (len(plan.architectures), plan.seed, plan.times_only) == (10, 0, True)


def test_tables_of_three_are_joined_by_the_reference_model(tmp_path, bench, capsys):
    """An error of nearly nothing is never reached, so that all seven are measured: three, three and one."""
    answer = adapt(from_=[SOURCE], setup=SIMULATED, networks=7, max_error=1e-9, seed=5, out=tmp_path / "p.json")
    assert bench.files == [f"p.networks-{number}.csv" for number in (1, 2, 3)]
    assert [len(plan.architectures) for plan in bench.plans] == [3, 3, 1] and {plan.seed for plan in bench.plans} == {5}
    predictor = load_predictor(tmp_path / "p.json")
    assert (predictor.reference_ms, predictor.profile.os, answer["profile"]["os"]) == (2.0, "os 1", "os 1")
    measured = {row["name"]: row["measured_ms"] for row in predictor.about["fit"]["held_out"]}
    assert measured == pytest.approx({a.name: ms_of(a, "search") for plan in bench.plans for a in plan.architectures}, rel=1e-4)
    said = [line for line in capsys.readouterr().err.splitlines() if "the expected error was" in line]
    before, after = zip(*(re.findall(r"was (\S+).* is (\S+) %", line)[0] for line in said), strict=True)
    assert [line.split(":")[0].split()[-1] for line in said] == list("1234567")
    assert before == ("unknown", *after[:-1]) and float(after[-1]) == pytest.approx(answer["error_expected"], abs=0.05)


@pytest.mark.parametrize(
    "errors, count",
    [
        ([9, 8, 5.0, 4, 4, 4, 4, 4, 4], 3),  # as small as it has to be
        ([1, 1, 6, 6, 6, 5, 1, 1, 1], 6),  # the last one counts, at the end of a batch
        ([9, 9, 9, 9, 9, 9, 9, 9, 9], 9),
    ],
)
def test_measuring_stops_after_the_batch_with_which_the_error_is_reached(tmp_path, bench, monkeypatch, errors, count):
    monkeypatch.setattr(NewChip, "expected_errors", lambda self, measured: errors[: len(measured.architectures)])
    monkeypatch.setattr(NewChip, "fit", refuse_to_measure)
    with pytest.raises(Reached):
        adapt(from_=[SOURCE], setup=SIMULATED, networks=9, max_error=5, out=tmp_path / "p.json")
    assert sum(len(plan.architectures) for plan in bench.plans) == count


def test_two_networks_are_never_enough(tmp_path, bench, monkeypatch):
    bench.lacking = {1: "both"}
    monkeypatch.setattr(NewChip, "expected_errors", lambda self, measured: [1.0] * len(measured.architectures))
    monkeypatch.setattr(NewChip, "fit", refuse_to_measure)
    with pytest.raises(Reached):
        adapt(from_=[SOURCE], setup=SIMULATED, networks=9, max_error=5, out=tmp_path / "p.json")
    assert len(bench.plans) == 2


def test_a_network_counts_if_all_its_branches_run(tmp_path, bench):
    bench.lacking = {0: "template", 2: "search"}
    assert adapt(from_=[SOURCE], setup=SIMULATED, networks=5, out=tmp_path / "p.json")["networks"] == 3
    names = [a.name for i, a in enumerate(bench.plans[0].architectures) if i not in bench.lacking]
    assert sorted(row["name"] for row in load_predictor(tmp_path / "p.json").about["fit"]["held_out"]) == sorted(names)


def test_fewer_than_three_that_run_are_refused(tmp_path, bench):
    bench.lacking = {0: "template", 2: "search"}
    with pytest.raises(ValueError, match=r"at least 3 networks must run on the new chip, 2 do \(too new\)"):
        adapt(from_=[SOURCE], setup=SIMULATED, networks=4, out=tmp_path / "p.json")


@pytest.mark.parametrize("right", [{"networks": 3}, {"networks": 50}, {"max_error": 0.5}])
def test_the_ends_of_what_is_allowed(tmp_path, bench, monkeypatch, right):
    monkeypatch.setattr("predictors.transfer.adapt.carry_out", refuse_to_measure)
    with pytest.raises(Reached):
        adapt(from_=[SOURCE], setup=SIMULATED, out=tmp_path / "p.json", **right)


def test_the_manifest_of_a_source_is_not_replaced(tmp_path, bench):
    LatencyTable.load(SOURCE).save(tmp_path / "source.csv")
    before = (tmp_path / "source.json").read_bytes()
    with pytest.raises(ValueError, match=r"source\.json"):
        adapt(from_=[tmp_path / "source.csv"], setup=SIMULATED, networks=3, out=tmp_path / "source.json")
    assert (tmp_path / "source.json").read_bytes() == before and not bench.plans


def test_a_source_must_have_operators(tmp_path):
    table = LatencyTable.load(SOURCE)
    dataclasses.replace(table, operators={}).save(tmp_path / "source.csv")
    with pytest.raises(ValueError, match="must have operators"):
        adapt(from_=[tmp_path / "source.csv"], setup=SIMULATED, networks=3, out=tmp_path / "p.json")
