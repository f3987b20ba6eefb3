import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from latency_tables.chains import all_operators
from latency_tables.measure import Plan, Protocol, carry_out, measure, measure_networks
from latency_tables.networks import draw
from latency_tables.table import LatencyTable, manifest_path
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
OPERATORS = [op for op in all_operators(NANO) if op.kind in ("stem", "cls", "join")]
QUICK = Protocol(rounds=2, min_ms=1.0, reference_every=4)


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


def test_files_are_whole_and_nothing_else_is_left(measured):
    out, table = measured
    assert sorted(path.name for path in out.parent.iterdir()) == ["t.csv", "t.json"]
    assert LatencyTable.load(out, "nano").networks.keys() == table.networks.keys()
    about = json.loads(manifest_path(out).read_text())
    assert about["profile"]["runtime"] == "onnxruntime" and about["settings"]["rounds"] == 2 and about["date"] and about["governor"]


def test_networks_measured_again_are_comparable(measured):
    out, table = measured
    architecture = draw(NANO, 1, 0)[0]
    first, again = measure_networks([architecture, architecture], out)
    assert first == again == pytest.approx(table.network_ms("search")[architecture.name], rel=0.5)
    with pytest.raises(ValueError, match="must be of the table's family nano"):
        measure_networks(draw(FAMILIES["lighttrack"], 1, 0), out)


def test_an_existing_table_is_kept(measured):
    out, _ = measured
    before = out.read_bytes()
    with pytest.raises(ValueError, match="must not replace another"):
        carry_out(plan(), out=out)
    carry_out(plan(), out=out, resume=True)
    with pytest.raises(ValueError, match="seed was 0, is 5"):
        carry_out(plan(seed=5), out=out, resume=True)
    assert out.read_bytes() == before


ENDS = tuple(op for op in OPERATORS if op.kind != "join")
MANY_ROUNDS = Protocol(rounds=30, min_ms=2.0, max_runs=100, reference_every=4)
KILLED = """
import sys
from pathlib import Path
from latency_tables.chains import all_operators
from latency_tables.measure import Plan, Protocol, carry_out
from supernet.families import FAMILIES
operators = tuple(op for op in all_operators(FAMILIES["nano"]) if op.kind in ("stem", "cls"))
protocol = Protocol(rounds=30, min_ms=2.0, max_runs=100, reference_every=4)
carry_out(Plan(FAMILIES["nano"], operators, (), protocol=protocol), out=Path(sys.argv[1]))
"""


def test_killed_and_resumed_loses_and_repeats_nothing(tmp_path):
    out, part, kept = tmp_path / "t.csv", tmp_path / "t.csv.part", tmp_path / "kept"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1]), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(out)], env=environment)
    deadline = time.monotonic() + 60
    while not (part.exists() and part.read_bytes().count(b"\n") > 100):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = part.read_bytes()
    finished = finished[: finished.rfind(b"\n") + 1]
    assert not out.exists()
    with part.open("ab") as file:
        file.write(b'{"graph": "torn')
    os.link(part, kept)

    unfinished = plan(operators=ENDS, architectures=(), protocol=MANY_ROUNDS)
    with pytest.raises(ValueError, match="add --resume"):
        carry_out(unfinished, out=out)
    table = carry_out(unfinished, out=out, resume=True)

    content = kept.read_bytes()
    assert content.startswith(finished)
    records = [json.loads(line) for line in content.splitlines()[1:]]
    taken = [(r["graph"], r["round"]) for r in records if r["graph"] != "reference"]
    assert len(taken) == len(set(taken)) == 30 * len({graph for graph, _ in taken})
    assert not part.exists()
    assert set(table.operators) == {op.key for op in ENDS}


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"family": "resnet"}, "unknown family 'resnet'; known: lighttrack, nano"),
        ({"device": "ssh://me@host"}, "device 'ssh://me@host' is not available in this version; known: local"),
        ({"device": "adb://1"}, "not available in this version"),
        ({"device": "local://x"}, "takes no address"),
        ({"runtime": "abacus"}, "unknown runtime 'abacus'; known: onnxruntime"),
        ({"precision": "int8"}, "must be one of fp32, got 'int8'"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
        ({"networks": -1}, "networks must be at least 0"),
        ({"out": Path("table.txt")}, r"must end in \.csv"),
    ],
)
def test_bad_input_is_refused_at_once(tmp_path, wrong, words):
    with pytest.raises(ValueError, match=words):
        measure(**{"family": "nano", "out": tmp_path / "t.csv", **wrong})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("one_ms, runs", [(100, 10), (1, 10), (0.1, 100), (0.001, 500)])
def test_short_graphs_run_more_often(one_ms, runs):
    assert Protocol(min_ms=10).runs(one_ms) == runs
