"""Meters on a made-up folder of device classes, whose figures change while work is done."""

import hashlib
import io
import os
import threading
import time
import zipfile

import pytest

from latency_tables.agent import energy
from latency_tables.agent.energy import find_meter, per_run_mj
from latency_tables.agent.serving import Agent
from latency_tables.measuring.connection import packed_agent


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(energy, "_LEAST_S", 0.05)


def write(root, **files):
    """Files by their path, in which `__` stands for a slash and `rapl` for what RAPL's zones begin with."""
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("rapl", "powercap/intel-rapl:")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")


def zone(root, number, start, most=1000, name="package-0"):
    write(root, **{f"rapl{number}__name": name, f"rapl{number}__energy_uj": start, f"rapl{number}__max_energy_range_uj": most})


@pytest.mark.parametrize("start, end, mj", [(100, 700, 0.6), (900, 100, 0.2), (500, 500, None), (100, "broken", None)])
def test_a_counter_tells_what_was_added_and_may_begin_anew(tmp_path, start, end, mj):
    zone(tmp_path, "0", start)
    meter = find_meter(True, tmp_path)
    assert meter.energy_mj(lambda: zone(tmp_path, "0", end)) == (mj if mj is None else pytest.approx(mj))


def test_packages_add_up_and_what_they_contain_is_not_counted_again(tmp_path):
    for number, name in (("0", "package-0"), ("0:0", "core"), ("1", "package-1"), ("2", "psys")):
        zone(tmp_path, number, 0, 10**9, name)

    def work():
        for number, name, end in (("0", "package-0", 1000), ("0:0", "core", 400), ("1", "package-1", 3000), ("2", "psys", 9000)):
            zone(tmp_path, number, end, 10**9, name)

    meter = find_meter(True, tmp_path)
    assert meter.name == "rapl package-0 package-1" and meter.energy_mj(work) == pytest.approx(4)


def test_a_counter_is_shared_among_runs(tmp_path):
    zone(tmp_path, "0", 0, 10**12)
    done = []

    def run():
        done.append(0)
        zone(tmp_path, "0", 5000 * len(done), 10**12)
        time.sleep(0.02)

    assert per_run_mj(find_meter(True, tmp_path), run) == pytest.approx(5)
    assert 3 <= len(done) < 10


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_counter_that_may_not_be_read_is_none(tmp_path):
    zone(tmp_path, "0", 100)
    (tmp_path / "powercap/intel-rapl:0/energy_uj").chmod(0)
    assert find_meter(True, tmp_path) is None


def test_a_counter_that_refuses_is_none(tmp_path, monkeypatch):
    zone(tmp_path, "0", 100)
    read = energy.number
    monkeypatch.setattr(energy, "number", lambda path: None if path.name == "energy_uj" else read(path))
    assert find_meter(True, tmp_path) is None


INA3221 = {"name": "ina3221"} | {
    f"{kind}{rail}_{what}": value
    for rail, label, mv, ma in ((1, "VDD_IN", 5000, 2000), (2, "VDD_CPU", 5000, 500), (3, "VDD_SOC", 5000, 300))
    for kind, what, value in (("in", "label", label), ("in", "input", mv), ("curr", "input", ma))
}


@pytest.mark.parametrize(
    "folders, name, watts",
    [
        ({"hwmon__hwmon0": INA3221}, "hwmon VDD_IN", 10.0),  # the rail that feeds the others
        ({"hwmon__hwmon0": {**INA3221, "in1_label": "VDD_GPU"}}, "hwmon VDD_GPU VDD_CPU VDD_SOC", 14.0),
        ({"hwmon__hwmon0": {"name": "ina226", "power1_input": 1_500_000, "in1_input": 5000, "curr1_input": 300}}, "hwmon power1", 1.5),
        ({f"hwmon__hwmon{i}": {"name": "ina219", "power1_input": 10**6} for i in range(2)}, "hwmon power1 power1", 2.0),
        (
            {"power_supply__battery": {"type": "Battery", "status": "Discharging", "current_now": -400_000, "voltage_now": 4_000_000}},
            "battery battery",
            1.6,
        ),
        ({"power_supply__BAT0": {"type": "Battery", "status": "Discharging", "power_now": 7_500_000}}, "battery BAT0", 7.5),
    ],
)
def test_sensors_of_power(tmp_path, folders, name, watts):
    for folder, files in folders.items():
        write(tmp_path, **{f"{folder}__{file}": content for file, content in files.items()})
    meter = find_meter(True, tmp_path)
    assert meter == find_meter(False, tmp_path)
    assert (meter.name, meter.watts()) == (name, pytest.approx(watts))
    start = time.perf_counter()
    mj = meter.energy_mj(lambda: time.sleep(0.05))
    assert 1000 * watts * 0.05 <= mj <= 1000 * watts * (time.perf_counter() - start)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"hwmon__hwmon0__name": "amdgpu", "hwmon__hwmon0__power1_input": 10**7},
        {"hwmon__hwmon0__name": "ina219", "hwmon__hwmon0__power1_input": "broken"},
        {"hwmon__hwmon0__name": "ina219", "hwmon__hwmon0__power1_input": 0},
        {"hwmon__hwmon0__name": "nct6775", "hwmon__hwmon0__in1_input": 5000},
        {"power_supply__battery__type": "Battery", "power_supply__battery__status": "Charging", "power_supply__battery__power_now": 10**6},
        {"power_supply__ac__type": "Mains", "power_supply__ac__status": "Discharging", "power_supply__ac__power_now": 10**6},
    ],
)
def test_what_does_not_tell_is_no_meter(tmp_path, files):
    write(tmp_path, **files)
    assert find_meter(True, tmp_path) is None


def test_samples_follow_what_is_drawn(tmp_path):
    def draw(watts):
        write(tmp_path, hwmon__hwmon0__name="ina219", hwmon__hwmon0__power1_input=watts * 10**6)

    def work():
        time.sleep(0.1)
        draw(3)
        time.sleep(0.1)

    draw(1)
    start = time.perf_counter()
    mj = find_meter(True, tmp_path).energy_mj(work)
    assert 1.2 < mj / (1000 * (time.perf_counter() - start)) < 2.8


def test_work_that_fails_leaves_no_thread_behind(tmp_path):
    write(tmp_path, hwmon__hwmon0__name="ina219", hwmon__hwmon0__power1_input=10**6)
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError):
        find_meter(True, tmp_path).energy_mj(lambda: 1 / 0)
    assert set(threading.enumerate()) <= before


def test_rapl_does_for_a_processor_alone(tmp_path):
    zone(tmp_path, "0", 100)
    assert find_meter(True, tmp_path) and find_meter(False, tmp_path) is None
    write(tmp_path, hwmon__hwmon0__name="ina219", hwmon__hwmon0__power1_input=10**6)
    assert find_meter(True, tmp_path).name.startswith("rapl") and find_meter(False, tmp_path).name.startswith("hwmon")


class Idle:
    clock = "cpu"

    def load(self, prepared, threads):
        return self

    def bind(self, inputs):
        pass

    def execute(self):
        time.sleep(0.01)


@pytest.mark.parametrize("power, answer", [(None, {"meter": None, "mj": None}), (2_000_000, {"meter": "hwmon power1"})])
def test_an_agent_tells_meter_and_energy(tmp_path, monkeypatch, power, answer):
    if power:
        write(tmp_path, hwmon__hwmon0__name="ina219", hwmon__hwmon0__power1_input=power)
    monkeypatch.setattr(energy, "_CLASS", tmp_path)
    agent = Agent(Idle(), 1, tmp_path)
    sha256 = hashlib.sha256(b"").hexdigest()
    agent.answer({"do": "store", "sha256": sha256, "model": ""})
    agent.answer({"do": "introduce", "name": "a", "sha256": sha256, "shapes": {}})
    told = agent.answer({"do": "energy", "name": "a"})
    assert told | answer == told
    assert power is None or 20 <= told["mj"] < 200


def test_the_file_travels_with_the_agent():
    assert "latency_tables/agent/energy.py" in zipfile.ZipFile(io.BytesIO(packed_agent())).namelist()
