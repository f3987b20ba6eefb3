"""A benchmark program in place of an agent: a whole measurement with a script that stands for the program."""

import dataclasses
import sys
from pathlib import Path

import pytest

from latency_tables.measuring.carry_out import carry_out
from latency_tables.measuring.chains import Chain, recipe
from latency_tables.measuring.measure import measure
from latency_tables.measuring.networks import draw
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.protocol import Protocol
from latency_tables.measuring.setup import Setup
from latency_tables.programs.programs import PROGRAMS, BenchNcnn
from latency_tables.transports.local import Local
from latency_tables.transports.transport import DeviceLost
from supernet.deploy.model import with_reproducible_weights
from supernet.families import FAMILIES
from supernet.runtimes.ncnn import Ncnn

NANO = FAMILIES["nano"]
ENDS = tuple(op for op in NANO.all_operators if op.kind == "cls")
ONCE = Protocol(rounds=1, min_runs=1, max_runs=3, min_ms=1.0, repeats=0)
# two microseconds a byte of the model; one of its operators is unknown to it
PROGRAM = f"""#!{sys.executable}
import sys
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
model = open(words["-m"], "rb").read()
if len(model) < 4000:
    sys.exit("[ ERROR ] unsupported operation: tiny")
ms = len(model) * 2e-3
for name, factor in (("Median", 1), ("Average", 1.01), ("Min", 0.99), ("Max", 1.2)):
    print(f"[ INFO ]    {{name}}:        {{ms * factor:.2f}} ms")
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program"
    path.write_text(PROGRAM)
    return path


@pytest.fixture(params=["local", pytest.param("sshd", marks=pytest.mark.slow), "adbd"])
def device(request):
    return "local" if request.param == "local" else request.getfixturevalue(request.param).device


def plan(device, program):
    setup = Setup(device, "benchmark_app", binary=program)
    return Plan(NANO, ENDS, tuple(draw(NANO, 1, 0)), setup, protocol=ONCE)


def test_a_program_measures_a_table_wherever_it_runs(device, program, tmp_path):
    wanted = plan(device, program)
    table = carry_out(wanted, out=tmp_path / "t.csv")
    sizes = {name: len(model.onnx) * 2e-3 for name, model in wanted.models.items()}
    assert table.profile.clock == "wall" and table.profile.runtime_version.startswith("benchmark_app ")
    for (name, branch), m in table.networks.items():
        assert m.wall_ms == pytest.approx(sizes[f"network:{name}:{branch}"], rel=0.02) and m.memory_mb is None
    tiny = {op.key for op in ENDS if any(sizes[chain.name] < 8 for _, chain in recipe(op, NANO))}
    assert set(table.operators) == {op.key for op in ENDS} - tiny and {name for name, _ in table.unsupported} == tiny
    assert all("unsupported operation: tiny" in reason for reason in table.unsupported.values())


def test_two_measurements_with_a_program_are_one_too_many(program, tmp_path):
    setup = plan("local", program).setup
    device = setup.connect("one")
    try:
        with pytest.raises(ConnectionError, match="must be free .* another measurement is at work"):
            carry_out(plan("local", program), out=tmp_path / "t.csv")
    finally:
        device.close()
    carry_out(plan("local", program), out=tmp_path / "t.csv")


def test_a_program_that_cannot_be_put_in_place_keeps_no_device(program, monkeypatch):
    setup = plan("local", program).setup
    with monkeypatch.context() as patch:
        patch.setattr(Local, "push", lambda *_: (_ for _ in ()).throw(DeviceLost("it is gone")))
        with pytest.raises(DeviceLost) as kept:
            setup.connect("one")
    setup.connect("two").close()
    assert kept.tb  # the frames of the failure are still there, and what they hold


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"runtime": "benchmark_app", "binary": Path(__file__), "cores": "0"}, "cores are for runtimes in Python"),
        ({"runtime": "benchmark_app"}, "--binary goes with the runtimes benchmark_app"),
        ({"runtime": "onnxruntime", "binary": Path("x")}, "--binary goes with the runtimes"),
        ({"runtime": "benchmark_app", "binary": Path("/no/program")}, "there is no file /no/program"),
        ({"runtime": "benchncnn", "precision": "int8", "binary": Path(__file__)}, "precision of benchncnn must be one of fp32, fp16"),
    ],
)
def test_bad_input_is_refused_at_once(tmp_path, wrong, words):
    with pytest.raises(ValueError, match=words):
        measure(family="nano", out=tmp_path / "t.csv", setup=Setup(**wrong))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_the_host_prepares_is_the_format_of_the_program(name):
    beginnings = {"benchncnn": b"7767517", "benchmark_model": None}
    try:
        prepared = PROGRAMS[name]("fp32").prepare(Chain((ENDS[-1],)).model)
    except ImportError as err:
        pytest.skip(str(err))
    if name == "benchmark_model":
        assert prepared[4:8] == b"TFL3"
    else:
        assert prepared.startswith(beginnings.get(name, Chain((ENDS[-1],)).model.onnx[:7]))


def test_a_conversion_that_computes_something_else_is_refused(monkeypatch):
    model, other = (Chain((op,)).model for op in NANO.all_operators if op.kind in ("stem",))
    prepare = Ncnn.prepare
    try:
        prepare(Ncnn("fp32"), model)
    except ImportError as err:
        pytest.skip(str(err))
    wrong = dataclasses.replace(model, make=lambda: with_reproducible_weights("other weights", model.make()))
    monkeypatch.setattr(Ncnn, "prepare", lambda self, _: prepare(self, wrong))
    with pytest.raises(ValueError, match="outputs differ from ONNX Runtime's"):
        BenchNcnn("fp32").prepare(model)
