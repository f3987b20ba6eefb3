import io
import json

import pytest

from latency_tables.agent import Agent, serve, time_runs
from latency_tables.chains import Chain, all_operators
from latency_tables.connection import Connection
from latency_tables.runtimes import RUNTIMES
from latency_tables.transports import TRANSPORTS
from supernet.families import FAMILIES


class Busy:
    def run_once(self):
        sum(range(20_000))


def test_both_clocks_are_read_for_every_run():
    times = time_runs(Busy(), 4)
    assert len(times["cpu_ms"]) == len(times["wall_ms"]) == 4
    assert all(ms > 0 for clock in times.values() for ms in clock)


def test_errors_are_answers_and_the_agent_goes_on():
    answers = io.StringIO()
    serve(Agent(RUNTIMES["onnxruntime"](), 1), io.StringIO('{"do": "dance"}\nnonsense\n{"do": "info"}\n'), answers)
    first, second, third = map(json.loads, answers.getvalue().splitlines())
    assert "dance" in first["error"] and "error" in second and third["version"]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_every_runtime_times_a_graph_on_every_transport(runtime, transport):
    operator = all_operators(FAMILIES["nano"])[0]
    with Connection(TRANSPORTS[transport]("").open_agent(runtime, 1)) as device:
        info = device.info()
        assert info["version"] == RUNTIMES[runtime]().version() and info["chip"]
        assert device.load("a", Chain((operator,)).onnx()) > 0
        assert len(device.time("a", 7)["cpu_ms"]) == 7
        with pytest.raises(ConnectionError, match="failed at request 'load b'"):
            device.load("b", b"no graph")
        assert len(device.time("a", 2)["wall_ms"]) == 2


def test_an_agent_that_ends_is_an_error():
    process = TRANSPORTS["local"]("").open_agent("onnxruntime", 1)
    with Connection(process) as device:
        process.kill()
        process.wait()
        with pytest.raises(ConnectionError, match="ended with status -9"):
            device.info()


def test_local_has_no_address():
    with pytest.raises(ValueError, match="takes no address"):
        TRANSPORTS["local"]("host")
