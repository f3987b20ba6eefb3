"""A campaign over a device that exists on paper, where it can be ended after every line."""

import itertools

import pytest

from latency_tables.measuring.campaign import Campaign
from latency_tables.measuring.journal import Journal
from latency_tables.measuring.protocol import REFERENCE, Protocol
from latency_tables.measuring.session import Unsupported

MODELS = ["a", "b", "broken", "network:c"]
PROTOCOL = Protocol(rounds=3, min_runs=1, max_runs=1, reference_every=2, repeats=2, repeated=0.5, throttled=1e9)


class Paper:
    """Answers as a session does; its speed changes with every request, so that samples are unsteady."""

    def __init__(self, able=MODELS):
        self.sha256 = dict.fromkeys([*MODELS, "first", "second"], "0")
        self.able = {*able, "second"} - {"broken"}
        self.memory_of: list[str] = []
        self.energy_of: list[str] = []
        self.speeds = itertools.cycle([1.0, 1.2, 1.5, 1.1])

    def memory_mb(self, name):
        self.memory_of.append(name)
        return 1.0

    def energy(self, name):
        self.energy_of.append(name)
        return "meter", 2.0

    def load(self, name):
        if name not in self.able:
            raise Unsupported("no such layer")
        return 1.0

    def difference(self, name):
        return 0.0

    def time(self, name, runs):
        return {clock: [next(self.speeds)] * runs for clock in ("cpu_ms", "wall_ms")}

    def unload(self, name):
        pass

    def readings(self):
        return {"mhz": None, "celsius": None}


def run(path, session, resume):
    with Journal(path, {}, resume) as journal:
        campaign = Campaign(journal, PROTOCOL, "cpu", "fp32", True, 0)
        campaign.run(session, ["first", "second"], MODELS, ["network:c"], ["network:c"])
    return campaign


def test_a_campaign_can_end_after_any_line_and_goes_on(tmp_path):
    whole = run(tmp_path / "whole", Paper(), resume=False)
    assert whole.unsupported == {"first": "no such layer", "broken": "no such layer"} and whole.reference == "second"
    assert {record["again"] for record in whole.timed} == {0, 1, 2}
    lines = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    for count in range(len(lines) + 1):
        path, before = tmp_path / f"{count}", b"".join(lines[:count])
        path.write_bytes(before)
        session = Paper()
        resumed = run(path, session, resume=True)
        assert path.read_bytes().startswith(before), count
        assert {name: set(rounds) for name, rounds in resumed.samples().items()} == dict.fromkeys(["a", "b", "network:c"], {0, 1, 2}), count
        taken = [(r["graph"], r["round"], r["again"]) for r in resumed.timed if r["graph"] != REFERENCE]
        assert len(taken) == len(set(taken)), count
        assert resumed.timed[-1]["graph"] == REFERENCE, count
        assert session.memory_of == ([] if b'"memory"' in before else ["network:c"])
        assert session.energy_of == ([] if b'"energy"' in before else ["network:c"])
        assert resumed.unsupported == whole.unsupported


def test_a_campaign_that_is_complete_takes_nothing_more(tmp_path):
    run(tmp_path / "j", Paper(), resume=False)
    before = (tmp_path / "j").read_bytes()
    run(tmp_path / "j", Paper(), resume=True)
    assert (tmp_path / "j").read_bytes() == before


def test_a_runtime_that_runs_nothing_is_told(tmp_path):
    with pytest.raises(ConnectionError, match="must run at least one of 4 models, but runs none: no such layer"):
        run(tmp_path / "j", Paper(able=()), resume=False)
