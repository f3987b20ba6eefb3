import numpy as np
import pytest

from benchmarks.winner_and_peers import MOBILE, cost, cost_of, peers, random_peers, scaled_mobile, summary
from latency_tables.tables.shipped import SHIPPED
from predictors.fit import fit_predictor
from supernet.catalogue import find_architecture
from supernet.families import FAMILIES

ELASTIC = FAMILIES["elastic"]
MACS = cost_of(ELASTIC, None)
WINNER = find_architecture("elastic:128-64-16-depthwise_8-relu-k3_relu-k3e4.k3e4_relu-k3e4.k3e4_48-2x3-2x3")


def test_what_is_followed_is_what_lighttrack_mobile_has():
    mobile = find_architecture("lighttrack-mobile")
    assert [MOBILE[f"2.{i}"] for i in range(4)] == [mobile[f"back.2.{i}"] for i in range(4)]
    assert [MOBILE[f"3.{i}"] for i in range(4)] == [mobile[f"back.3.{i}"] for i in range(4)]
    assert MOBILE["1.1"] == mobile["back.1.0"]
    assert all(value in ELASTIC.choices[label] for label, value in MOBILE.items())


@pytest.mark.parametrize("wanted", [3e6, 10e6, 40e6])
def test_the_design_is_scaled_to_a_cost(wanted):
    arch = scaled_mobile(ELASTIC, MACS, wanted)
    assert cost(MACS, ELASTIC, arch) == pytest.approx(wanted, rel=0.05)
    assert all(arch[label] == MOBILE[label] for label in ("exit", "correlation", "1.act", "2.se", "3.se", "2.0", "3.0"))


def test_the_scaling_is_even():
    """At a middling cost no size is at its end while others are at the opposite one."""
    arch = scaled_mobile(ELASTIC, MACS, 15e6)
    assert arch["search"] != 96 and arch["2.depth"] != 4 and arch["head"] != 96


def test_a_cost_out_of_reach_gets_the_nearest():
    assert cost(MACS, ELASTIC, scaled_mobile(ELASTIC, MACS, 190e6)) == pytest.approx(57e6, rel=0.05)


@pytest.mark.parametrize("wanted", [2.2e6, 15e6, 150e6])
def test_random_ones_cost_the_same_and_differ(wanted):
    found = random_peers(ELASTIC, MACS, wanted, 5)
    assert len({arch.key for arch in found}) == 5
    assert all(abs(cost(MACS, ELASTIC, arch) / wanted - 1) <= 0.05 for arch in found)


def test_a_cost_that_nothing_has_is_refused():
    with pytest.raises(ValueError, match="random peers must cost within 5% of 1, 0 of those drawn do"):
        random_peers(FAMILIES["nano"], cost_of(FAMILIES["nano"], None), 1, 1)


def test_peers_are_chosen_by_loss_and_size():
    found = peers(WINNER, MACS, lambda arch: -ELASTIC.counts(arch, "search").params, count=4)
    dear = [cost(MACS, ELASTIC, arch) for arch in found.values()]
    assert list(found)[0] == "winner" and found["winner"] == WINNER
    assert dear[-2] == min(dear) and dear[-1] == max(dear) and np.ptp(dear[:4]) <= 0.1 * dear[0]
    best, first = found["best of 4 random ones"], found["a random one"]
    assert ELASTIC.counts(best, "search").params >= ELASTIC.counts(first, "search").params


def test_cost_may_be_predicted_latency(tmp_path):
    nano = FAMILIES["nano"]
    fit_predictor(SHIPPED / "nano-mnn-fp32.csv", out=tmp_path / "p.json")
    arch = nano.space.sample(np.random.default_rng(0))
    assert 0 < cost(cost_of(nano, tmp_path / "p.json"), nano, arch) < 100


def test_means_and_spreads_are_over_seeds():
    row = {"peer": "winner", "macs": 5, "cost": 5.0, "name": "x"}
    rows = [{**row, "ao_generated": 0.5, "ao_real": None}, {**row, "ao_generated": 0.7, "ao_real": None}]
    (line,) = summary(rows)
    assert line["ao_generated"] == pytest.approx(0.6) and line["generated_spread"] == pytest.approx(0.2 / 2**0.5)
    assert line["ao_real"] is None and line["real_spread"] is None and line["seeds"] == 2
