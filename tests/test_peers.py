from dataclasses import replace

import pytest

from latency_tables.tables.shipped import SHIPPED
from latency_tables.tables.table import LatencyTable
from predictors.fit import fit
from search.page.peers import PEERS, peer_times
from supernet.catalogue import find_architecture
from supernet.describe import describe


@pytest.fixture(scope="module")
def model():
    return fit(LatencyTable.load(SHIPPED / "lighttrack-onnxruntime-fp32.csv"))


def test_what_can_be_built_agrees_with_what_is_published():
    [peer] = [peer for peer in PEERS if peer.preset]
    ours = describe(str(peer.preset))
    assert ours["macs_fvcore"] == pytest.approx(peer.macs, rel=0.005)
    assert ours["params"] == pytest.approx(peer.params, rel=0.005)


def test_times_come_from_the_predictors_of_the_search(model):
    [time] = peer_times({"phone": model})["LightTrack-Mobile"]
    expected = model.predict([find_architecture("lighttrack-mobile")])
    assert (time.ms, time.low, time.high, time.device) == (expected.value[0], expected.low[0], expected.high[0], "phone")


def test_without_one_of_its_family_a_shipped_table_stands_in(model):
    other = replace(model, profile=replace(model.profile, family="nano"))
    [time] = peer_times({"phone": other})["LightTrack-Mobile"]
    assert "lighttrack-onnxruntime-fp32.csv" in time.device
    assert time.ms == pytest.approx(model.predict([find_architecture("lighttrack-mobile")]).value[0], rel=0.05)
    assert time.low < time.ms < time.high


def test_a_device_that_cannot_run_it_has_no_time(model):
    assert peer_times({"phone": replace(model, operator_ms={})}) == {"LightTrack-Mobile": []}
