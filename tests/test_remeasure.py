import os
from dataclasses import replace

import pytest

from latency_tables.measuring.carry_out import carry_out
from latency_tables.measuring.networks import draw
from latency_tables.measuring.plan import Plan
from latency_tables.measuring.protocol import Protocol
from latency_tables.measuring.remeasure import check_at_hand, measure_networks
from supernet.families import FAMILIES

NANO = FAMILIES["nano"]
QUICK = Protocol(rounds=2, min_ms=1.0, reference_every=4, pause_s=0.05)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    plan = Plan(NANO, (), tuple(draw(NANO, 1, 0)), protocol=QUICK, times_only=True)
    return carry_out(plan, out=tmp_path_factory.mktemp("measured") / "t.csv")


def test_networks_measured_again_are_comparable(table):
    architecture = draw(NANO, 1, 0)[0]
    first, again = measure_networks([architecture, architecture], table.profile, table.reference_ms)
    assert first == again
    for branch, ms in first.items():
        assert ms == pytest.approx(table.network_ms(branch)[architecture.name], rel=0.5)


def test_no_network_takes_no_time(table):
    assert measure_networks([], table.profile, table.reference_ms) == []


def test_a_network_of_another_family_is_refused(table):
    with pytest.raises(ValueError, match="must be of the table's family nano"):
        measure_networks(draw(FAMILIES["lighttrack"], 1, 0), table.profile, 1.0)


def test_the_device_is_at_hand(table):
    check_at_hand(table.profile)


@pytest.mark.parametrize(
    "change, error",
    [
        ({"chip": "Kirin 970"}, "chip was Kirin 970, is "),
        ({"runtime_version": "0.0"}, "runtime_version was 0.0"),
        ({"device": "ssh://nobody@127.0.0.1:9"}, "must be reachable, ssh says: .*Connection refused; check cable and address"),
        ({"device": "far away"}, "device"),
        ({"runtime": "imported"}, "imported"),
    ],
)
def test_another_device_is_told_within_seconds(table, change, error, tmp_path, monkeypatch):
    ssh = tmp_path / "ssh"  # there may be no real one
    ssh.write_text('#!/bin/sh\necho "ssh: connect to host 127.0.0.1 port 9: Connection refused" >&2\nexit 255\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises((ValueError, ConnectionError), match=error):
        check_at_hand(replace(table.profile, **change))
