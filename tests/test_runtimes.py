"""Every runtime at every precision keeps the promises of `supernet.runtimes.runtime`, through a real agent."""

import hashlib
import math
import sys

import numpy as np
import pytest

from latency_tables.agent.serving import abridge
from latency_tables.devices import devices
from latency_tables.finding import find_device, find_runtime
from latency_tables.measuring.chains import Chain
from latency_tables.measuring.connection import AgentDied, AgentError, open_agent
from latency_tables.measuring.networks import draw, model
from latency_tables.parity import TOLERANCES, difference
from latency_tables.programs.programs import PROGRAMS
from latency_tables.programs.tools import TOOLS
from supernet.families import FAMILIES
from supernet.runtimes import RUNTIMES
from supernet.runtimes import runtime as runtime_module

NANO = FAMILIES["nano"]
JOIN = Chain(tuple(next(op for op in NANO.all_operators if op.kind == kind) for kind in ("join",))).model
NETWORK = model(NANO, draw(NANO, 2, seed=4)[1], "search")
PAIRS = [(name, precision) for name, runtime in RUNTIMES.items() for precision in runtime.precisions]


@pytest.fixture(scope="module")
def here():
    return {record["runtime"]: record for record in devices()}


@pytest.fixture
def host(request, here):
    """The host's half of a runtime that can be used here."""
    name, precision = request.param
    if not here[name]["usable"]:
        pytest.skip(here[name]["install"])
    return name, precision, RUNTIMES[name](precision)


def relative_error(ours, theirs):
    """Root of the mean square; the worst output."""
    return max(np.sqrt(np.mean((a - b) ** 2) / np.mean(b**2)) for a, b in zip(ours, theirs, strict=True))


def send(device, model, prepared):
    if not device.introduce(model.name, hashlib.sha256(prepared).hexdigest(), model.shapes):
        device.store(prepared)


@pytest.mark.parametrize("host", PAIRS, indirect=True, ids=["-".join(pair) for pair in PAIRS])
def test_a_runtime_converts_loads_computes_and_times(host):
    name, precision, runtime = host
    with open_agent(find_device("local"), name, precision) as device:
        assert device.info()["version"] == RUNTIMES[name](precision).version()
        for model in (JOIN, NETWORK):
            send(device, model, runtime.prepare(model))
            try:
                assert device.load(model.name) > 0
            except AgentError as err:
                if precision == "fp16" and "fp16" in err.reason:
                    pytest.skip(err.reason)
                raise
            try:
                assert difference(model, device.outputs(model.name)) <= TOLERANCES[precision]
            except AgentError as err:
                assert err.kind == "uncomparable"
            times = device.time(model.name, 7)
            assert len(times["cpu_ms"]) == len(times["wall_ms"]) == 7 and all(ms > 0 for ms in times["wall_ms"])


@pytest.mark.parametrize("host", [(name, runtime.precisions[0]) for name, runtime in RUNTIMES.items()], indirect=True, ids=RUNTIMES)
def test_what_is_no_model_is_an_answer_and_the_agent_goes_on(host):
    name, precision, runtime = host
    with open_agent(find_device("local"), name, precision) as device:
        send(device, JOIN, b"no model")
        with pytest.raises(AgentError, match="failed at request 'load chain:search:join") as error:
            device.load(JOIN.name)
        assert error.value.kind == "runtime"
        send(device, JOIN, runtime.prepare(JOIN))
        assert device.load(JOIN.name) > 0


def test_a_wrong_output_is_noticed():
    (values,) = RUNTIMES["onnxruntime"]("fp32").load(JOIN.onnx, 1).run(JOIN.sample)
    shape, right = values.shape, abridge(values)
    assert difference(JOIN, [(shape, right)]) < 1e-6
    assert difference(JOIN, [(shape, right[::-1])]) > 0.1
    assert difference(JOIN, [(shape, right * math.nan)]) == math.inf
    assert difference(JOIN, [(shape[::-1], right)]) == math.inf
    assert difference(JOIN, []) == math.inf


@pytest.mark.parametrize("host", PAIRS, indirect=True, ids=["-".join(pair) for pair in PAIRS])
def test_a_loaded_graph_runs_on_whatever_is_bound(host):
    """As a tracker runs it: other inputs give what a fresh graph gives for them, the first ones again what they gave at first."""
    _, precision, runtime = host
    prepared, first = runtime.prepare(JOIN), JOIN.sample
    second = {name: values[..., ::-1].copy() for name, values in first.items()}

    def loaded():
        try:
            return runtime.load(prepared, 1)
        except ValueError as err:
            assert precision == "fp16" and "fp16" in str(err)
            pytest.skip(str(err))

    graph, fresh = loaded(), loaded()
    graph.bind(first)
    took = [graph.execute() for _ in range(2)]
    assert all(ms is None or ms > 0 for ms in took)
    try:
        before = graph.outputs()
    except NotImplementedError:
        return
    after, again = graph.run(second), graph.run(first)
    assert relative_error(after, before) > 0.1
    assert relative_error(after, fresh.run(second)) < 0.01 and relative_error(again, before) < 0.01


def test_an_agent_that_ends_is_an_error():
    with open_agent(find_device("local"), "simulated") as device:
        device._process.kill()
        device._process.wait()
        with pytest.raises(AgentDied, match="ended with status -9"):
            device.info()


def test_programs_are_those_whose_output_is_understood():
    assert set(PROGRAMS) == set(TOOLS) and not set(PROGRAMS) & set(RUNTIMES)
    for name in PROGRAMS:
        with pytest.raises(ImportError, match="--binary"):
            find_runtime(name)("fp32").version()
        with pytest.raises(ValueError, match="loads its models itself"):
            find_runtime(name)("fp32").load(b"", 1)


def test_a_converter_that_never_ends_is_killed_and_told(monkeypatch, tmp_path):
    monkeypatch.setattr(runtime_module, "CONVERT_S", 0.2)
    with pytest.raises(ValueError, match="^slow must convert net within 0.2 s, it did not end; take another runtime$"):
        runtime_module.run_converter("slow", [sys.executable, "-S", "-c", "import time; time.sleep(60)"], tmp_path, "net")
