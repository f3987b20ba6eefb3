"""Energy from a device to a table, and in files."""

import csv
import dataclasses
import hashlib
import json
import sys

import pytest

from latency_tables.measuring.carry_out import carry_out
from latency_tables.measuring.networks import draw
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.protocol import Protocol
from latency_tables.measuring.setup import Setup
from latency_tables.tables.merge import merge
from latency_tables.tables.table import LatencyTable, manifest_path
from supernet.families import FAMILIES
from supernet.runtimes.simulated import WATTS

NANO = FAMILIES["nano"]
PLAN = Plan(NANO, (), tuple(draw(NANO, 2, 0)), Setup(runtime="simulated"), protocol=Protocol(rounds=1))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    out = tmp_path_factory.mktemp("measured") / "t.csv"
    carry_out(PLAN, out=out)
    return out


def edited(path, out, change):
    """A copy with other rows, and the manifest that goes with them."""
    with path.open() as file:
        reader = csv.DictReader(file)
        rows = [change(row) for row in reader]
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    manifest = json.loads(manifest_path(path).read_text())
    manifest_path(out).write_text(json.dumps({**manifest, "sha256": hashlib.sha256(out.read_bytes()).hexdigest()}))
    return out


def test_a_simulation_reports_energy_for_both_branches_of_every_network(path):
    table = LatencyTable.load(path)
    assert table.about["energy"] == "the runtime's own" and len(table.networks) == 4
    for measurement in table.networks.values():
        assert measurement.energy_mj == pytest.approx(WATTS * measurement.wall_ms, rel=1e-5)


WITH_A_SENSOR = """#!{python}
import sys
from pathlib import Path
from latency_tables.agent import energy
from latency_tables.agent.serving import main
energy._CLASS, energy._LEAST_S = Path({folder!r}), 0.02
main(*sys.argv[-5:])
"""


@pytest.mark.parametrize("watts", [None, 3])
def test_a_device_with_a_sensor_and_one_without(tmp_path, watts):
    if watts:
        (tmp_path / "hwmon" / "hwmon0").mkdir(parents=True)
        (tmp_path / "hwmon" / "hwmon0" / "name").write_text("ina219\n")
        (tmp_path / "hwmon" / "hwmon0" / "power1_input").write_text(f"{watts}000000\n")
    python = tmp_path / "python"
    python.write_text(WITH_A_SENSOR.format(python=sys.executable, folder=str(tmp_path)))
    python.chmod(0o755)
    plan = dataclasses.replace(PLAN, architectures=PLAN.architectures[:1], setup=Setup(python=str(python)))
    table = carry_out(plan, out=tmp_path / "t.csv")
    assert LatencyTable.load(tmp_path / "t.csv").about["energy"] == table.about["energy"] == ("hwmon power1" if watts else "unavailable")
    for measurement in table.networks.values():
        if watts:
            assert 0.1 < measurement.energy_mj / (watts * measurement.wall_ms) < 10
        else:
            assert measurement.energy_mj is None


def test_a_table_of_before_there_was_energy_loads(path, tmp_path):
    old = edited(path, tmp_path / "old.csv", lambda row: {name: cell for name, cell in row.items() if name != "energy_mj"})
    now, then = LatencyTable.load(path), LatencyTable.load(old)
    assert then.networks == {row: dataclasses.replace(m, energy_mj=None) for row, m in now.networks.items()}


@pytest.mark.parametrize("cell, said", [("-1", "positive and finite"), ("0", "positive"), ("nan", "finite"), ("much", "must be a number")])
def test_broken_energy_is_refused_with_one_line(path, tmp_path, cell, said):
    with pytest.raises(ValueError, match=f"energy_mj.*{said}") as error:
        LatencyTable.load(edited(path, tmp_path / "t.csv", lambda row: {**row, "energy_mj": cell}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("first, second, merged", [("1", "3", 2), ("1", "", 1), ("", "", None)])
def test_merging_averages_what_is_known(path, tmp_path, first, second, merged):
    tables = [
        edited(path, tmp_path / f"{i}.csv", lambda row, cell=cell, i=i: {**row, "energy_mj": cell, "memory_mb": i})
        for i, cell in enumerate((first, second))
    ]
    assert {m.energy_mj for m in merge(tables).networks.values()} == {merged}
