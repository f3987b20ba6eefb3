"""What goes wrong between a table's first row and its last, done for real: no finished row is lost, none is taken twice."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from latency_tables.measuring.carry_out import carry_out
from latency_tables.measuring.networks import draw
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.protocol import REFERENCE, Protocol
from latency_tables.measuring.setup import Setup
from supernet.families import FAMILIES
from supernet.runtimes.simulated import Simulated

NANO = FAMILIES["nano"]
ENDS = tuple(op for op in NANO.all_operators if op.kind in ("stem", "cls"))
LONG = Protocol(rounds=12, min_ms=1.0, max_runs=60, reference_min_ms=4.0, reference_every=4, pause_s=0.05)
ROOT = Path(__file__).resolve().parents[1]
RUN = f"""
import sys
from pathlib import Path
from latency_tables.measuring.carry_out import carry_out
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.protocol import Protocol
from supernet.families import FAMILIES
operators = tuple(op for op in FAMILIES["nano"].all_operators if op.kind in ("stem", "cls"))
carry_out(Plan(FAMILIES["nano"], operators, (), protocol={LONG!r}), out=Path(sys.argv[1]))
"""


def plan(device="local", **changes):
    return Plan(NANO, ENDS, (), **{"setup": Setup(device, wait_minutes=1), "protocol": LONG, **changes})


def started(out):
    """The same measurement in a process of its own."""
    return subprocess.Popen([sys.executable, "-c", RUN, str(out)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


def wait_for_rows(part, count, process=None):
    deadline = time.monotonic() + 90
    while not (part.exists() and part.read_bytes().count(b"\n") > count):
        assert (process is None or process.poll() is None) and time.monotonic() < deadline
        time.sleep(0.002)


def kept(part):
    """A second name for the journal, which outlives its removal."""
    os.link(part, part.with_name("kept"))
    return part.with_name("kept")


def taken(journal):
    """Counts of what was timed: every model in every round once."""
    records = [json.loads(line) for line in journal.read_bytes().splitlines()[1:]]
    timed = [record for record in records if record["kind"] == "time" and record["graph"] != REFERENCE]
    graphs = {record["graph"] for record in timed}
    first = Counter((record["graph"], record["round"]) for record in timed if not record["again"])
    assert set(first.values()) == {1} and len(first) == LONG.rounds * len(graphs)
    assert set(Counter((r["graph"], r["round"], r["again"]) for r in timed).values()) == {1}
    return graphs


def meanwhile(part, rows, fault):
    """Do something once the journal has so many rows."""

    def wait_and_do():
        wait_for_rows(part, rows)
        kept(part)
        fault()

    thread = threading.Thread(target=wait_and_do)
    thread.start()
    return thread


def agent_pid():
    return int((Path(os.environ["XDG_CACHE_HOME"]) / "chiptrack" / "agent.lock").read_text().split()[0])


def test_a_killed_measurement_is_resumed(tmp_path):
    out, part = tmp_path / "t.csv", tmp_path / "t.csv.part"
    process = started(out)
    wait_for_rows(part, 60, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = part.read_bytes()
    finished = finished[: finished.rfind(b"\n") + 1]
    assert not out.exists()
    with part.open("ab") as file:
        file.write(b'{"graph": "torn')
    journal = kept(part)
    with pytest.raises(ValueError, match="add --resume"):
        carry_out(plan(), out=out)
    table = carry_out(plan(), out=out, resume=True)
    assert journal.read_bytes().startswith(finished)
    taken(journal)
    assert not part.exists() and set(table.operators) == {op.key for op in ENDS}


def test_a_killed_agent_is_started_again(tmp_path):
    out, part = tmp_path / "t.csv", tmp_path / "t.csv.part"
    thread = meanwhile(part, 60, lambda: os.kill(agent_pid(), signal.SIGKILL))
    table = carry_out(plan(), out=out)
    thread.join()
    taken(tmp_path / "kept")
    assert set(table.operators) == {op.key for op in ENDS} and not table.unsupported


@pytest.fixture(params=["sshd", pytest.param("adbd", marks=pytest.mark.slow)])
def board(request, monkeypatch):
    """A device behind a real daemon, which can be unplugged."""
    monkeypatch.setattr("latency_tables.measuring.session._RETRY_S", 0.1)
    return request.getfixturevalue(request.param)


def test_an_unplugged_device_is_waited_for(board, tmp_path):
    out, part = tmp_path / "t.csv", tmp_path / "t.csv.part"

    def unplug():
        board.stop()
        time.sleep(0.2)
        board.start()

    thread = meanwhile(part, 60, unplug)
    table = carry_out(plan(setup=Setup(board.device, python=sys.executable, wait_minutes=1)), out=out)
    thread.join()
    taken(tmp_path / "kept")
    assert table.profile.device == board.device
    assert set(table.operators) == {op.key for op in ENDS} and not table.unsupported


def test_a_device_that_stays_away_leaves_what_resume_goes_on_with(board, tmp_path):
    out, part = tmp_path / "t.csv", tmp_path / "t.csv.part"
    thread = meanwhile(part, 60, board.stop)
    away = Setup(board.device, python=sys.executable, wait_minutes=1 / 60)
    with pytest.raises(ConnectionError, match="must come back within .* --resume goes on"):
        carry_out(plan(setup=away), out=out)
    thread.join()
    with pytest.raises(ConnectionError, match="must be reachable"):
        carry_out(plan(setup=away), out=out, resume=True)
    before = part.read_bytes()
    board.start()
    carry_out(plan(setup=away), out=out, resume=True)
    assert (tmp_path / "kept").read_bytes().startswith(before)
    taken(tmp_path / "kept")


@pytest.mark.parametrize("name", ["local", "sshd", "adbd"])
def test_two_measurements_of_a_device_are_one_too_many(name, tmp_path, request):
    setup = Setup("local" if name == "local" else request.getfixturevalue(name).device, python=sys.executable)
    with setup.connect("one") as agent:
        assert agent.info()["version"]
        with pytest.raises(ConnectionError, match=r"must be free .* another measurement is at work .*process \d+"):
            carry_out(plan(setup=setup), out=tmp_path / "t.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "python, runtime, said",
    [
        ("/no/python", "onnxruntime", "must run an agent.* name it with --python"),
        (sys.executable, "onnxruntime-nnapi", "must be free and ready.* use an ONNX Runtime built for Android"),
    ],
)
def test_a_board_that_lacks_something_is_told(board, tmp_path, python, runtime, said):
    with pytest.raises(ConnectionError, match=said):
        carry_out(plan(setup=Setup(board.device, runtime=runtime, python=python)), out=tmp_path / "t.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_slowed_device_is_noticed_and_what_was_timed_meanwhile_is_timed_again(tmp_path):
    """Half of the time the agent is stopped, which only the wall clock sees."""
    out, part = tmp_path / "t.csv", tmp_path / "t.csv.part"
    protocol = Protocol(rounds=12, min_ms=2.0, max_runs=20, reference_min_ms=8.0, reference_every=4, looks=1, pause_s=0.2, pauses=3)

    def throttle():
        pid, end = agent_pid(), time.monotonic() + 1.5
        while time.monotonic() < end:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(0.004)
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.002)

    thread = meanwhile(part, 60, throttle)
    table = carry_out(plan(setup=Setup(threads=2), protocol=protocol), out=out)
    thread.join()
    taken(tmp_path / "kept")
    records = [json.loads(line) for line in (tmp_path / "kept").read_bytes().splitlines()[1:]]
    assert table.profile.clock == "wall"
    assert table.about["pauses_to_cool_down"] > 0
    assert any(record.get("again") for record in records if record.get("graph") != REFERENCE)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_on_the_device_costs_no_row(tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("this machine does not allow mounting a small disk")
    try:
        monkeypatch.setenv("XDG_CACHE_HOME", str(disk))
        table = carry_out(plan(protocol=Protocol(rounds=1, pause_s=0.05)), out=tmp_path / "t.csv")
        assert len(table.operators) == len(ENDS) and not table.unsupported
        assert not list(disk.rglob("*.new"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


CRASHING = f"""#!{sys.executable}
import os
import sys
from latency_tables.agent.serving import main
from supernet.runtimes import RUNTIMES
from supernet.runtimes.simulated import Simulated

class Crashing(Simulated):
    def load(self, prepared, threads):
        if b"search:cls:16x" in prepared:
            os.kill(os.getpid(), 11)
        if b"search:cls:24x" in prepared:
            raise RuntimeError("no such layer")
        return super().load(b'{{"ms": 1.0}}', threads)

RUNTIMES["simulated"] = Crashing
main(*sys.argv[-5:])
"""


def test_a_runtime_that_crashes_does_not_take_the_table_with_it(tmp_path, monkeypatch):
    """It dies at one operator, and does not load another."""
    monkeypatch.setattr(Simulated, "prepare", lambda self, model: model.name.encode())
    python = tmp_path / "python"
    python.write_text(CRASHING)
    python.chmod(0o755)
    table = carry_out(plan(setup=Setup(runtime="simulated", python=str(python))), out=tmp_path / "t.csv")
    crashed, refused = ({op.key for op in ENDS if op.key.startswith(start)} for start in ("search:cls:16x", "search:cls:24x"))
    lacking = table.unsupported_operators
    assert crashed and refused and set(lacking) == crashed | refused == {op.key for op in ENDS} - set(table.operators)
    assert all("the runtime crashed 3 times" in lacking[key] for key in crashed)
    assert all(lacking[key] == "RuntimeError: no such layer" for key in refused)


def test_networks_and_models_that_were_ready_are_not_prepared_again(tmp_path, monkeypatch):
    from supernet.runtimes.onnxruntime import OnnxRuntime

    prepared = []
    prepare = OnnxRuntime.prepare
    monkeypatch.setattr(OnnxRuntime, "prepare", lambda self, model: prepared.append(model.name) or prepare(self, model))
    out, part = tmp_path / "t.csv", tmp_path / "t.csv.part"
    architectures = tuple(draw(NANO, 1, 0))
    wanted = Plan(NANO, ENDS, architectures, protocol=Protocol(rounds=1, pause_s=0.05))

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("latency_tables.measuring.campaign.Campaign._take_samples", interrupt)
        with pytest.raises(KeyboardInterrupt):
            carry_out(wanted, out=out)
    assert part.exists() and len(prepared) == len(set(prepared)) == 1 + len(wanted.models)
    carry_out(wanted, out=out, resume=True)
    assert len(prepared) == 1 + len(wanted.models)
