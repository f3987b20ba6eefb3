import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from latency_tables.agent import device_info
from latency_tables.agent.claim import Refusal, take_device
from latency_tables.agent.serving import OUTPUT_VALUES, Agent, abridge, serve, time_runs
from supernet.runtimes import RUNTIMES
from supernet.runtimes.runtime import sample


class Busy:
    def execute(self):
        sum(range(20_000))


class Clocked:
    def execute(self):
        return 7.0


class Fake:
    """A runtime whose graphs remember what they were given; one named `broken` does not load."""

    loaded: list[bytes] = []

    def version(self):
        return "1"

    def load(self, prepared, threads):
        if prepared == b"broken":
            raise RuntimeError("no such layer")
        self.loaded.append(prepared)
        return Given()


class Given:
    def bind(self, inputs):
        self.inputs = inputs

    def execute(self):
        self.kept = bytearray(1_000_000)

    def outputs(self):
        return [2 * values for values in self.inputs.values()]


def agent(folder):
    Fake.loaded = []
    return Agent(Fake(), 1, folder)


def known(agent, name, content, shapes=None):
    sha256 = hashlib.sha256(content).hexdigest()
    answer = agent.answer({"do": "introduce", "name": name, "sha256": sha256, "shapes": shapes or {"input": [1, 3, 2, 2]}})
    if not answer["stored"]:
        agent.answer({"do": "store", "sha256": sha256, "model": base64.b64encode(content).decode()})
    return answer["stored"]


def test_both_clocks_are_read_for_every_run():
    times = time_runs(Busy(), 4)
    assert len(times["cpu_ms"]) == len(times["wall_ms"]) == 4
    assert all(ms > 0 for clock in times.values() for ms in clock)


def test_a_clock_of_the_runtime_replaces_both():
    assert time_runs(Clocked(), 2) == {"cpu_ms": [7.0, 7.0], "wall_ms": [7.0, 7.0]}


def test_errors_are_answers_and_the_agent_goes_on(tmp_path):
    answers = io.StringIO()
    serve(agent(tmp_path), io.StringIO('{"do": "dance"}\nnonsense\n{"do": "info"}\n'), answers)
    first, second, third = map(json.loads, answers.getvalue().splitlines())
    assert "dance" in first["error"] and "error" in second and third["version"]


def test_a_model_is_sent_once_and_found_by_the_next_agent(tmp_path):
    assert not known(agent(tmp_path), "a", b"model")
    following = agent(tmp_path)
    assert known(following, "b", b"model")
    assert following.answer({"do": "load", "name": "b"})["warm_ms"] >= 0
    assert Fake.loaded == [b"model"]
    following.answer({"do": "clear"})
    assert not known(agent(tmp_path), "a", b"model")


def test_a_model_that_changed_on_the_way_is_refused(tmp_path):
    with pytest.raises(ValueError, match="checksum differs"):
        agent(tmp_path).answer({"do": "store", "sha256": "0" * 64, "model": "AAAA"})
    assert not list(tmp_path.rglob("*")) or not list((tmp_path / "models").iterdir())


def test_inputs_are_the_same_on_both_sides_and_outputs_come_abridged(tmp_path):
    here = agent(tmp_path)
    known(here, "a", b"model", {"input": [1, 3, 40, 40], "side": [1, 2]})
    first, second = here.answer({"do": "outputs", "name": "a"})["outputs"]
    inputs = sample({"input": (1, 3, 40, 40), "side": (1, 2)})
    values = np.frombuffer(base64.b64decode(first["values"]), "<f4")
    assert first["shape"] == [1, 3, 40, 40] and second["shape"] == [1, 2]
    assert len(values) == OUTPUT_VALUES and np.array_equal(values, abridge(2 * inputs["input"]))


def test_memory_is_that_of_a_process_of_its_own(tmp_path):
    here = agent(tmp_path)
    known(here, "a", b"model")
    assert 0 <= here.answer({"do": "memory", "name": "a"})["mb"] < 100
    assert Fake.loaded == []
    known(here, "b", b"broken")
    with pytest.raises(RuntimeError, match="died"):
        here.answer({"do": "memory", "name": "b"})


def test_memory_does_not_depend_on_what_the_agent_did_before(tmp_path, monkeypatch):
    def grow(self):
        self.kept = [bytes(50_000) for _ in range(400)]

    monkeypatch.setattr(Given, "execute", grow)
    here = agent(tmp_path)
    known(here, "a", b"model")
    litter = [bytes(50_000) for _ in range(2000)]
    last = litter.pop()
    del litter  # free, and kept by the C library below what came last
    assert 15 < here.answer({"do": "memory", "name": "a"})["mb"] < 60
    assert last


def test_a_process_that_hangs_while_its_memory_is_measured_ends_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr("latency_tables.agent.serving._MEMORY_S", 1)
    monkeypatch.setattr(Given, "execute", lambda self: time.sleep(60))
    here = agent(tmp_path)
    known(here, "a", b"model")
    with pytest.raises(RuntimeError, match="died or hung"):
        here.answer({"do": "memory", "name": "a"})


def test_a_model_of_which_only_the_name_was_kept_is_sent_again(tmp_path):
    assert not known(agent(tmp_path), "a", b"model") and known(agent(tmp_path), "a", b"model")
    (kept,) = (tmp_path / "models").iterdir()
    kept.write_bytes(b"")
    assert not known(agent(tmp_path), "a", b"model") and kept.read_bytes() == b"model"


def test_short_of_memory_the_models_used_longest_ago_leave(tmp_path, monkeypatch):
    here = agent(tmp_path)
    for name in ("a", "b", "c"):
        known(here, name, name.encode())
        here.answer({"do": "load", "name": name})
    here.answer({"do": "time", "name": "a", "runs": 1})
    free = iter([0.05, 0.5])
    monkeypatch.setattr(device_info, "available_memory", lambda: next(free))
    known(here, "d", b"d")
    here.answer({"do": "load", "name": "d"})
    monkeypatch.setattr(device_info, "available_memory", lambda: 1.0)
    for name in ("a", "b", "c", "d"):
        here.answer({"do": "time", "name": name, "runs": 1})
    assert Fake.loaded == [b"a", b"b", b"c", b"d", b"b"]


def test_a_device_is_for_one_measurement_whose_next_agent_may_take_over(tmp_path):
    with take_device(tmp_path, "one"):
        with pytest.raises(Refusal, match=f"process {os.getpid()}"):
            take_device(tmp_path, "two")
    take_device(tmp_path, "two").close()
    child = os.fork()
    if child == 0:
        lock = take_device(tmp_path, "one")
        time.sleep(60)
        lock.close()
        os._exit(0)
    while (tmp_path / "agent.lock").read_text() != f"{child} one":
        pass
    take_device(tmp_path, "one").close()
    assert os.waitpid(child, 0)[1] == 9


@pytest.mark.parametrize("text, cores", [("3", {3}), ("4-7", {4, 5, 6, 7}), ("0,2-3", {0, 2, 3})])
def test_cores(text, cores):
    assert device_info.parse_cores(text) == cores


@pytest.mark.parametrize("text", ["0-99999999999", "5000", "a", "", "1-", "-1", "3-1", "0,3-1", "1-2-3", "1,,2"])
def test_odd_cores_are_refused(text):
    with pytest.raises(ValueError, match="numbers and ranges"):
        device_info.parse_cores(text)


def test_a_board_tells_what_it_knows(monkeypatch, tmp_path):
    assert device_info.chip() and device_info.system()
    assert set(device_info.readings()) == {"mhz", "celsius"}
    assert 0 < device_info.available_memory() <= 1
    for zone, temperature in (("0", "41000"), ("1", "63500"), ("2", "broken")):
        (tmp_path / f"thermal_zone{zone}").mkdir()
        (tmp_path / f"thermal_zone{zone}" / "temp").write_text(temperature)
    (tmp_path / "cpu0/cpufreq").mkdir(parents=True)
    (tmp_path / "cpu0/cpufreq/scaling_cur_freq").write_text("1800000\n")
    (tmp_path / "cpu0/cpufreq/scaling_governor").write_text("ondemand\n")
    monkeypatch.setattr(device_info, "_THERMAL", tmp_path)
    monkeypatch.setattr(device_info, "_CPU", tmp_path)
    assert device_info.readings() == {"mhz": 1800, "celsius": 63.5}
    assert device_info.governor() == "ondemand"


def test_every_runtime_names_what_a_table_needs():
    for name, runtime in RUNTIMES.items():
        assert runtime.precisions and runtime.clock in ("cpu", "wall"), name


def test_an_agent_whose_driver_is_gone_ends_without_a_word():
    words = [sys.executable, "-m", "latency_tables.agent.serving", "simulated", "fp32", "1", "", ""]
    pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    with subprocess.Popen(words, cwd=Path(__file__).parents[1], **pipes) as agent:
        agent.stdout.close()
        _, said = agent.communicate(b'{"do": "hello"}\n', timeout=60)
    assert agent.returncode == 0 and said == b""
